-- Asks Edge Limiter about a request, through the section "limiter" of haproxy.cfg (docs/proxies.md). Change: YOUR_KEY.
local ASKED = { "authorization", "x-api-key", "user-agent", "origin", "access-control-request-method" }
local RELAYED = {
  "content-type", "cache-control", "www-authenticate", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id",
  "access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers", "vary",
}

core.register_action("limit", { "http-req" }, function(txn)
  local sent, headers = txn.http:req_get_headers(), {}
  for _, name in ipairs(ASKED) do
    if sent[name] then headers[name] = { sent[name][0] } end
  end
  headers["x-edge-limiter-key"] = { "YOUR_KEY" }
  headers["x-forwarded-method"] = { txn.f:method() }
  headers["x-forwarded-uri"] = { txn.f:pathq() }
  headers["x-forwarded-for"] = { txn.f:src() }
  local answer = core.httpclient():get{ url = "http://127.0.0.1:8081/api/v1/authorize", headers = headers, timeout = 5000 }
  local function got(name) return answer.headers and answer.headers[name] and answer.headers[name][0] end

  if answer.status == 200 then
    if got("x-user-id") then txn.http:req_set_header("x-user-id", got("x-user-id")) end
    txn.http:req_set_header("x-user-tier", got("x-user-tier") or "")
    if got("ratelimit") then
      txn:set_var("txn.limit_policy", got("ratelimit-policy"))
      txn:set_var("txn.limit_left", got("ratelimit"))
    end
    return
  end
  -- An error of HAProxy itself has no request id: the limiter cannot be reached. To let requests pass instead: return here.
  local reply = txn:reply{ status = answer.status > 0 and answer.status or 503, body = answer.body or "" }
  for _, name in ipairs(RELAYED) do
    if got(name) then reply:add_header(name, got(name)) end
  end
  txn:done(reply)
end)
