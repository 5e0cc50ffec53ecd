-- Accepts one delivery: its row and its runs in one round trip and one transaction.
--
-- A function, not a bare CTE: under READ COMMITTED each statement inside takes a new
-- snapshot, so what the advisory lock made us wait for is seen. Two identical webhooks
-- in the same millisecond are one run and one repeat, without a unique index that
-- would forbid A, B, A within the window.
create or replace function accept_delivery(
    p_source text,
    p_headers jsonb,
    p_body bytea,
    p_status integer,
    p_unwanted integer,
    p_person_key text,
    p_events jsonb,
    p_window interval
) returns table (delivery bigint, accepted integer, repeated integer)
language plpgsql as $$
declare
    e record;
    last record;
begin
    accepted := 0;
    repeated := 0;
    insert into deliveries
        (source, outcome, headers, body, status, unwanted, person_key)
    values
        (p_source,
         case when jsonb_array_length(p_events) > 0 then 'accepted'
              else 'unwanted' end,
         p_headers, p_body, p_status, p_unwanted, p_person_key)
    returning id into delivery;

    -- In one order everywhere, so that two deliveries never wait for each other.
    for e in
        select * from jsonb_to_recordset(p_events) as x(
            mapping text, mapping_version text, event_object text, lead_id text,
            object text, match_by text, record_id text, event text,
            event_at timestamptz, changed_by text, repeat_key text, lead jsonb,
            person_key text, state text, is_bulk boolean, token text)
        order by lead_id, mapping
    loop
        perform pg_advisory_xact_lock(hashtextextended(
            p_source || chr(31) || e.mapping || chr(31) || e.lead_id, 0));
        select r.id, r.state, r.repeat_key, r.last_event_at, r.owner into last
        from runs r
        where r.source = p_source and r.mapping = e.mapping
          and r.lead_id = e.lead_id
        order by r.id desc limit 1
        for update;

        if found and last.repeat_key = e.repeat_key
           and last.last_event_at > now() - p_window
           and last.state not in ('failed', 'skipped') then
            update runs r set repeats = r.repeats + 1 where r.id = last.id;
            repeated := repeated + 1;
            continue;
        end if;

        if found and (
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
                attempts = 0, error = null, cause = null, verdict = null,
                reason = null, result = null, decisions = null
            where r.id = last.id;
            delete from run_lookups where run_id = last.id;
        else
            insert into runs
                (delivery_id, source, mapping, mapping_version, event_object,
                 lead_id, object, match_by, record_id, event, event_at, changed_by,
                 repeat_key, lead, person_key, state, is_bulk, token)
            values
                (delivery, p_source, e.mapping, e.mapping_version, e.event_object,
                 e.lead_id, e.object, e.match_by, e.record_id, e.event, e.event_at,
                 e.changed_by, e.repeat_key, e.lead, e.person_key, e.state,
                 e.is_bulk, e.token);
        end if;
        accepted := accepted + 1;
    end loop;
    return next;
end;
$$;
