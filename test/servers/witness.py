"""A witness inside supervisord: writes every event down before any buffer sees it.

Loaded as an rpcinterface ([rpcinterface:witness] supervisor.rpcinterface_factory = witness:make, file = PATH).
One JSON object a line: name, payload, serial and pool serials (pools subscribe first, so both are given by then).
"""
import json
import os
import time

from supervisor import events


class Witness:
    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        events.subscribe(events.Event, self.see)
        self.write({"name": "WITNESS_READY"})

    def see(self, event):
        self.write({
            "name": events.getEventNameByType(event.__class__),
            "payload": event.payload(),
            "serial": getattr(event, "serial", None),
            "pools": dict(getattr(event, "pool_serials", {})),
        })

    def write(self, line):
        line["at"] = time.time()
        line["pid"] = os.getpid()
        os.write(self.fd, (json.dumps(line) + "\n").encode())

    def ping(self):
        return "pong"


def make(supervisord, **config):
    return Witness(config["file"])
