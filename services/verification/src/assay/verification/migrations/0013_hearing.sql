-- What waits for a block that draws its committee, or for evidence to be read, waits until a deadline. What waited
-- before there was one has a day from now on.
update disputes set deadline_ms = (extract(epoch from now()) * 1000)::bigint + 86400000
where state in ('convening', 'appealed');
