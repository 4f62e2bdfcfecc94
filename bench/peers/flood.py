# A plugin for supervisord that raises `count` events as soon as its listener listens: supervisord hands them over as
# fast as its own loop can.
import time

from supervisor import events
from supervisor.options import split_namespec
from supervisor.states import EventListenerStates


class Flood:
    def __init__(self, supervisord, count):
        self.supervisord = supervisord
        self.count = count
        self.done = False
        events.subscribe(events.ProcessStateRunningEvent, self.heard)

    def heard(self, event):
        if self.done or event.process.config.name != "fouet":
            return
        self.done = True
        for number in range(self.count):
            events.notify(events.RemoteCommunicationEvent("bench", "number %d of the flood" % number))


def make(supervisord, count="1000"):
    return Flood(supervisord, int(count))
