-- wrk walks a file of requests that were made beforehand. Making them here would measure wrk.
--
-- Arguments (after "--"): the stock's path without ".N", and "once" or "again".
-- Thread N reads stock.N, a sequence of records: five decimal digits (the length), then that many bytes of request.
-- "once": no request is used twice; a thread that reaches the end stops and says so. "again": it starts over.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(arguments)
  stock = assert(io.open(arguments[1] .. "." .. number, "rb"))
  stock:setvbuf("full", 262144)
  again = arguments[2] == "again"
  exhausted = 0
end

function request()
  local length = stock:read(5)
  if not length and again then
    stock:seek("set", 0)
    length = stock:read(5)
  end
  if not length then
    exhausted = 1
    wrk.thread:stop()
    return "\r\n" -- something must be sent; servers skip an empty line (RFC 9112 section 2.2)
  end
  return stock:read(tonumber(length))
end

function done(summary, latency, requests)
  local ran_out = 0
  for _, thread in ipairs(threads) do
    ran_out = ran_out + thread:get("exhausted")
  end
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"exhausted":%d,'
      .. '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), ran_out,
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
