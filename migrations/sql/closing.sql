-- Runs last: a new function may be called by everybody until somebody says otherwise, and here he does.
-- What stations may call was granted to their role by name, in the file of the function.

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA genba FROM PUBLIC;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA genba_guard FROM PUBLIC, genba_station;
