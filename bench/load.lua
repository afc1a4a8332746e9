-- Requests of one load, from many callers, each with their own token and tasks.
-- Arguments: the load, the file of callers (user, token and, where the service makes its own, the list's ETag), tasks for each, a seed, how many users there are.

local callers, per_user, users, make = {}, 0, 0, nil

local function head(method, caller, path, rest)
  return method .. ' /api/' .. caller.user .. path .. ' HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer '
    .. caller.token .. '\r\n' .. (rest or '') .. '\r\n'
end

local function with_body(method, caller, path, body)
  return head(method, caller, path, 'Content-Type: application/json\r\nContent-Length: ' .. #body .. '\r\n') .. body
end

local function any() return callers[math.random(#callers)] end
-- Every second caller writes; the others stay as they were loaded, for what depends on a revision.
local function writer() return callers[2 * math.random(math.floor(#callers / 2))] end
local function reader() return callers[2 * math.random(math.floor(#callers / 2)) - 1] end

local function task(caller)
  return string.format('/tasks/00000000-0000-7000-8000-%012x', caller.number + users * math.random(0, per_user - 1))
end

local loads = {}
function loads.get() local c = any() return head('GET', c, task(c)) end
function loads.list() return head('GET', any(), '/tasks?limit=50') end
loads['list-304'] = function() local c = reader() return head('GET', c, '/tasks?limit=50', 'If-None-Match: ' .. c.etag .. '\r\n') end
function loads.create()
  return with_body('POST', writer(), '/tasks', '{"title":"A new task of the bench, number ' .. math.random(1e6)
    .. '","description":"Some words about it, as people write them.","priority":"high","due_date":"2026-11-24","tags":["home","errands"]}')
end
function loads.update() local c = writer() return with_body('PUT', c, task(c), '{"title":"Another title, number ' .. math.random(1e6) .. '"}') end
function loads.complete() local c = writer() return head('PATCH', c, task(c) .. '/complete', 'Content-Length: 0\r\n') end
function loads.changes() return head('GET', reader(), '/changes?since=' .. math.floor(per_user / 2) .. '&limit=50') end

-- Of a hundred requests: what a front end asks for that lists, opens and edits.
function loads.mix()
  local at = math.random(100)
  if at <= 50 then return loads.get() end
  if at <= 70 then return loads.list() end
  if at <= 85 then return loads['list-304']() end
  if at <= 89 then return loads.create() end
  if at <= 94 then return loads.update() end
  if at <= 98 then return loads.complete() end
  return loads.changes()
end

function loads.bare() return 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' end

function init(args)
  make = loads[args[1]]
  per_user = tonumber(args[3])
  math.randomseed(tonumber(args[4]))
  users = tonumber(args[5])
  for line in io.lines(args[2]) do
    local user, token, etag = line:match('(%S+) (%S+) ?(%S*)')
    -- Doable's ETag is the user's revision, which is the number of tasks that were loaded.
    if etag == '' then etag = '"' .. per_user .. '"' end
    callers[#callers + 1] = { user = user, token = token, etag = etag, number = #callers }
  end
end

function request() return make() end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"microseconds":%d,"p50":%f,"p99":%f,"refused":%d,"timeouts":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.timeout, errors.connect + errors.read + errors.write))
end
