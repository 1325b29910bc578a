-- Sends each request as another user. Arguments: the header, the number of users, a file with a value per line
-- ("" for addresses of 10.0.0.0/8), the maximum number of requests, and the number of users to skip.
local requests, count, n, max = {}, 0, 0, nil

function init(args)
  local header, users, file = args[1], tonumber(args[2]), args[3]
  max, n = tonumber(args[4]), tonumber(args[5]) or 0
  if max then max = max + n end
  local function add(value)
    wrk.headers[header] = value
    count = count + 1
    requests[count] = wrk.format("GET")
  end
  if file and file ~= "" then
    for value in io.lines(file) do
      if count < users then add(value) end
    end
  else
    for i = 0, users - 1 do
      add(string.format("10.%d.%d.%d", math.floor(i / 65536) % 256, math.floor(i / 256) % 256, i % 256))
    end
  end
end

function request()
  n = n + 1
  -- See `max` in wrk.ts.
  if max and n > max then wrk.thread:stop() end
  -- A prime step spreads consecutive requests over all users.
  return requests[(n * 7919) % count + 1]
end
