-- Accepts one delivery: its row and its runs in one round trip and one transaction.
--
-- A function, not a bare CTE: under READ COMMITTED each statement inside takes a new
-- snapshot, so what the advisory lock made us wait for is seen. Two identical webhooks
-- in the same millisecond are one run and one repeat, without a unique index that
-- would forbid A, B, A within the window.
--
-- Beside accept_delivery of the first release, which a web process of that release
-- still calls while a new one is rolled out.
create function accept_events(
    p_source text,
    p_headers jsonb,
    p_body bytea,
    p_status integer,
    p_unwanted integer,
    p_person_key text,
    p_events jsonb,
    p_window interval,
    -- The web process that answers some of them itself, and holds their runs.
    p_owner bigint,
    -- Runs of one record and mapping in a day; more are a loop.
    p_most integer,
    -- Found by asking, not sent: only what has no run yet becomes one.
    p_is_found boolean
) returns table (
    delivery bigint,
    accepted integer,
    repeated integer,
    -- Of the events that may be answered with values: their runs.
    answerable jsonb
)
language plpgsql as $$
declare
    e record;
    last record;
    is_waiting boolean;
    is_held boolean;
    run_id bigint;
    n integer;
begin
    accepted := 0;
    repeated := 0;
    answerable := '[]';
    insert into deliveries
        (source, outcome, headers, body, status, unwanted, person_key)
    values
        (p_source,
         case when p_is_found then 'found'
              when jsonb_array_length(p_events) > 0 then 'accepted'
              else 'unwanted' end,
         p_headers, p_body, p_status, p_unwanted, p_person_key)
    returning id into delivery;

    -- In one order everywhere, so that two deliveries never wait for each other.
    for e in
        select * from jsonb_to_recordset(p_events) as x(
            mapping text, mapping_version text, event_object text, lead_id text,
            object text, match_by text, record_id text, event text,
            event_at timestamptz, changed_by text, repeat_key text, lead jsonb,
            person_key text, state text, is_bulk boolean, token text, hold_s float)
        order by lead_id, mapping
    loop
        perform pg_advisory_xact_lock(hashtextextended(
            p_source || chr(31) || e.mapping || chr(31) || e.lead_id, 0));
        select r.id, r.state, r.repeat_key, r.last_event_at, r.finished_at,
               r.event_at, r.received_at, r.owner, r.cause, r.reply, r.result
        into last
        from runs r
        where r.source = p_source and r.mapping = e.mapping
          and r.lead_id = e.lead_id
        order by r.id desc limit 1
        for update;
        is_waiting := found and last.state in
            ('received', 'ready', 'enriched', 'sending');

        -- Its webhook came, or it was found before. A webhook has no time of its own,
        -- but came after what it is about; clocks differ by a few seconds.
        if p_is_found and last.id is not null
           and coalesce(last.event_at, last.last_event_at + interval '5 seconds')
               >= coalesce(e.event_at, now()) then
            repeated := repeated + 1;
            continue;
        end if;

        -- Equal inputs of a run that waits, or came or ended not long ago.
        if last.id is not null and last.repeat_key = e.repeat_key
           and last.state not in ('failed', 'skipped')
           and (is_waiting or greatest(last.last_event_at, last.finished_at)
                              > now() - p_window) then
            update runs r set repeats = r.repeats + 1 where r.id = last.id;
            repeated := repeated + 1;
            if e.hold_s is not null then
                answerable := answerable || jsonb_build_object(
                    'run', last.id, 'mapping', e.mapping, 'held', false,
                    'reply', last.reply, 'result', last.result);
            end if;
            continue;
        end if;

        -- Whatever the loop sends, for a day it is the one problem that it is; a
        -- replay takes what came last.
        if last.id is not null and last.state = 'failed' and last.cause = 'loop'
           and last.received_at > now() - interval '1 day' then
            update runs r set
                repeats = r.repeats + 1, delivery_id = delivery, lead = e.lead,
                record_id = e.record_id, event = e.event, event_at = e.event_at,
                changed_by = e.changed_by, repeat_key = e.repeat_key,
                person_key = e.person_key, last_event_at = now()
            where r.id = last.id;
            repeated := repeated + 1;
            continue;
        end if;

        -- While an older run of the record is under way, this one waits for it.
        is_held := e.hold_s is not null and p_owner is not null
                   and not (is_waiting and last.owner is not null)
                   and not (is_waiting and last.state = 'sending')
                   and not exists (
                       select 1 from runs o
                       where o.source = p_source and o.mapping = e.mapping
                         and o.lead_id = e.lead_id and o.id < last.id
                         and o.state in
                             ('received', 'ready', 'enriched', 'sending'));

        if last.id is not null and (
            -- a newer event takes over the inputs of the waiting run
            (last.state in ('received', 'ready', 'enriched') and last.owner is null)
            -- a repeat of a failed run starts it again
            or (last.state = 'failed' and last.repeat_key = e.repeat_key
                and last.last_event_at > now() - p_window)
        ) then
            update runs r set
                delivery_id = delivery, mapping_version = e.mapping_version,
                event_object = e.event_object, object = e.object,
                match_by = e.match_by, record_id = e.record_id, event = e.event,
                event_at = e.event_at, changed_by = e.changed_by,
                repeat_key = e.repeat_key, lead = e.lead,
                person_key = e.person_key, state = e.state, is_bulk = e.is_bulk,
                token = e.token, last_event_at = now(), due_at = now(),
                enriched_at = null, finished_at = null, batch_id = null,
                asked = 0, lookup = null,
                lookup_api = null, lookup_key = null, question = null,
                owner = case when is_held then p_owner end,
                lease_until = case when is_held
                    then now() + make_interval(secs => e.hold_s) end,
                attempts = 0, error = null, cause = null, verdict = null,
                reason = null, result = null, decisions = null, reply = null
            where r.id = last.id
            returning r.id into run_id;
            delete from run_lookups l where l.run_id = last.id;
        else
            if last.id is not null then
                select count(*) into n from runs r
                where r.source = p_source and r.mapping = e.mapping
                  and r.lead_id = e.lead_id and r.state <> 'skipped'
                  and r.received_at > now() - interval '1 day';
                if n >= p_most then
                    insert into runs
                        (delivery_id, source, mapping, mapping_version,
                         event_object, lead_id, object, match_by, record_id, event,
                         event_at, changed_by, repeat_key, lead, person_key, state,
                         is_bulk, token, cause, reason, finished_at)
                    values
                        (delivery, p_source, e.mapping, e.mapping_version,
                         e.event_object, e.lead_id, e.object, e.match_by,
                         e.record_id, e.event, e.event_at, e.changed_by,
                         e.repeat_key, e.lead, e.person_key, 'failed', e.is_bulk,
                         e.token, 'loop',
                         'this record has had ' || n || ' runs in a day:'
                         ' something changes it again and again.'
                         ' Look at what calls the webhook; then replay this run',
                         now());
                    accepted := accepted + 1;
                    continue;
                end if;
            end if;
            insert into runs
                (delivery_id, source, mapping, mapping_version, event_object,
                 lead_id, object, match_by, record_id, event, event_at, changed_by,
                 repeat_key, lead, person_key, state, is_bulk, token, owner,
                 lease_until)
            values
                (delivery, p_source, e.mapping, e.mapping_version, e.event_object,
                 e.lead_id, e.object, e.match_by, e.record_id, e.event, e.event_at,
                 e.changed_by, e.repeat_key, e.lead, e.person_key, e.state,
                 e.is_bulk, e.token,
                 case when is_held then p_owner end,
                 case when is_held then now() + make_interval(secs => e.hold_s) end)
            returning id into run_id;
        end if;
        accepted := accepted + 1;
        if e.hold_s is not null then
            answerable := answerable || jsonb_build_object(
                'run', run_id, 'mapping', e.mapping, 'held', is_held);
        end if;
    end loop;
    if p_is_found and accepted = 0 then
        delete from deliveries d where d.id = delivery;
    end if;
    return next;
end;
$$;
