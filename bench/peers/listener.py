# The peer of Fouet in Python: an event listener with redis-py, one RPUSH for each notification before it says OK.
#   listener.py PORT KEY
import json
import socket
import sys
import uuid
from datetime import datetime, timezone

import redis

port, key = int(sys.argv[1]), sys.argv[2]
client = redis.Redis(host="127.0.0.1", port=port)
host = socket.gethostname()
run = str(uuid.uuid4())
seq = 0


def pairs(line):
    return dict(word.split(":", 1) for word in line.split())


while True:
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        break
    header = pairs(line)
    payload = pairs(sys.stdin.read(int(header["len"])))
    seq += 1
    name = header["eventname"]
    program = payload.get("processname", "supervisord")
    now = datetime.now(timezone.utc)
    event = {
        "@timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (now.microsecond // 1000),
        "@version": 1,
        "message": name,
        "host": host,
        "type": "fouet",
        "program": program,
        "source": header["pool"],
        "tags": ["fouet", program, name],
        "fouet": {"summary": "%s %s" % (program, name), **payload, "serial": int(header["serial"])},
        "moustash": {"schema": 1, "id": str(uuid.uuid4()), "run": run, "seq": seq, "notify": False, "version": "1.0.0"},
    }
    client.rpush(key, json.dumps(event))
    sys.stdout.write("RESULT 2\nOK")
    sys.stdout.flush()
