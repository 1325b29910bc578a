-- Each request is another user's: header, how many, a file with a value per line
-- (addresses of 10.0.0.0/8 where it is ""), how many requests at most, and after how many of the users to begin.
local requests, count, n, most = {}, 0, 0, nil

function init(args)
  local header, users, file = args[1], tonumber(args[2]), args[3]
  most, n = tonumber(args[4]), tonumber(args[5]) or 0
  if most then most = most + n end
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
  -- So many answers are enough: see `most` in load.ts.
  if most and n > most then wrk.thread:stop() end
  -- A prime step spreads neighbours in time over all of them.
  return requests[(n * 7919) % count + 1]
end
