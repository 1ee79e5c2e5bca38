-- Written by k3s-ha; changes made here are overwritten.
DELIMITER //
BEGIN NOT ATOMIC
  DECLARE deadline DATETIME(6) DEFAULT SYSDATE(6) + INTERVAL 2 SECOND;
  DECLARE busy INT;
  REPEAT
    -- Between a statement that was prepared and its execution a connection sleeps too.
    SET busy = (SELECT COUNT(*) FROM information_schema.PROCESSLIST
        WHERE COMMAND NOT IN ('Sleep', 'Daemon', 'Binlog Dump') AND ID <> CONNECTION_ID())
      + (SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'PREPARED_STMT_COUNT');
    IF busy > 0 THEN DO SLEEP(0.0005); END IF;
  UNTIL busy = 0 OR SYSDATE(6) > deadline END REPEAT;
  FOR idle IN (SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND = 'Sleep' AND ID <> CONNECTION_ID()) DO
    EXECUTE IMMEDIATE CONCAT('KILL ', idle.ID);
  END FOR;
  SHUTDOWN;
END//
