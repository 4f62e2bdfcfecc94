# The peer of PanPan in Python: one event to Redis with redis-py; with a command, runs it first (--run's peer).
#   oneshot.py PORT KEY MESSAGE [COMMAND…]
import json
import socket
import subprocess
import sys
import uuid
from datetime import datetime, timezone

import redis

port, key, message = int(sys.argv[1]), sys.argv[2], sys.argv[3]
code = subprocess.run(sys.argv[4:]).returncode if sys.argv[4:] else 0
now = datetime.now(timezone.utc)
event = {
    "@timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (now.microsecond // 1000),
    "@version": 1,
    "message": message,
    "host": socket.gethostname(),
    "type": "panpan",
    "program": "panpan",
    "source": "bench",
    "tags": ["panpan"],
    "panpan": {"summary": message, "exit_code": code},
    "moustash": {"schema": 1, "id": str(uuid.uuid4()), "run": str(uuid.uuid4()), "seq": 1, "notify": False, "version": "1.0.0"},
}
redis.Redis(host="127.0.0.1", port=port).rpush(key, json.dumps(event))
sys.exit(code)
