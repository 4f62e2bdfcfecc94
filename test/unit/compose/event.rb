# A stand-in for Logstash's event, with as much of its API as our pipelines call: get, set, timestamp, cancel.
require "time"

class Event
  attr_reader :fields, :cancelled

  def initialize(fields)
    @fields = fields
    @cancelled = false
  end

  def path(name)
    name.start_with?("[") ? name.scan(/\[([^\]]+)\]/).flatten : [name]
  end

  def get(name)
    path(name).reduce(@fields) { |value, key| value.is_a?(Hash) ? value[key] : nil }
  end

  def set(name, value)
    *parents, last = path(name)
    parents.reduce(@fields) { |hash, key| hash[key] ||= {} }[last] = value
  end

  def timestamp
    Time.parse(@fields["@timestamp"] || "2026-11-22T13:37:20.581Z")
  end

  def cancel
    @cancelled = true
  end
end

request = JSON.parse(STDIN.read)
input = request["input"]
puts JSON.generate(eval(request["script"]))
