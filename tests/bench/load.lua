-- wrk's requests: METHOD PATH TOKENS [BODY]. TOKENS is a file of access tokens, one a line; the
-- requests take them in turn. Prints requests per second, their number, and how many failed.

local requests, at = {}, 0
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init(args)
    local method, path, tokens, body = args[1], args[2], args[3], args[4]
    for token in io.lines(tokens) do
        local headers = { Authorization = "Bearer " .. token }
        if body then headers["Content-Type"] = "application/json" end
        requests[#requests + 1] = wrk.format(method, path, headers, body)
    end
    -- Each thread starts at a place of its own.
    at = math.floor(#requests * number / 2)
end

function request()
    at = at % #requests + 1
    return requests[at]
end

function done(summary)
    local e = summary.errors
    local failed = e.status + e.connect + e.read + e.write + e.timeout
    io.write(string.format("%.1f %d %d\n", summary.requests * 1e6 / summary.duration,
        summary.requests, failed))
end
