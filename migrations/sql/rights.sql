-- What was counted, reported and moved stays as it was; only what is not known at once may be filled in later.

REVOKE UPDATE ON genba.production_report, genba.movement, genba.count_event, genba.state_segment FROM genba_station;
GRANT UPDATE (order_id) ON genba.count_event TO genba_station;
GRANT UPDATE (ended_at, reason_code) ON genba.state_segment TO genba_station;
