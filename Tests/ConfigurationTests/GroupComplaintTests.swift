// What is said about priorities, preemption and probes.

import Testing

private let badGroups: [BadFile] = [
  BadFile(
    "priority: { alpha: 200, beta: 100 }",
    "priority: { alpha: 200, bta: 100 }",
    """
    14:29: error: there is no node `bta`; did you mean `beta`?
    """
  ),
  BadFile(
    "priority: { alpha: 200, beta: 100 }",
    "priority: { alpha: 255, beta: high }",
    """
    14:24: error: priority of node `alpha`: expected a whole number from 1 to 254, found `255`
    14:35: error: priority of node `beta`: expected a whole number from 1 to 254, found `high`
    """
  ),
  BadFile(
    "priority: { alpha: 200, beta: 100 }",
    "priority: 200",
    """
    14:15: error: `priority`: expected node names, each with its settings, found `200`; write, for example, `{ \
    alpha: 200, beta: 100 }`
    """
  ),
  BadFile(
    "priority: { alpha: 200, beta: 100 }",
    "priority: { alpha: 200 }",
    """
    8:3: warning: node `beta` takes part in no group; give it a `priority` in one, or remove it
    14:17: warning: only `alpha` takes part in group `web`: there is nobody to fail over to; give a second node \
    a `priority`
    """
  ),
  BadFile(
    "priority: { alpha: 200, beta: 100 }",
    "priority: { }",
    """
    14:15: error: `priority`: expected 1 to 16 nodes, found 0
    """
  ),
  BadFile(
    "priority: { alpha: 200, beta: 100 }",
    "priority: { alpha: 100, beta: 100 }",
    """
    14:29: warning: `beta` and `alpha` have the same priority in group `web`: `beta` wins, because its address \
    192.0.2.12 is the greater one; give the one that shall win a higher priority
    """
  ),
  BadFile(
    "preempt: false",
    "preempt: false\n    preempt-delay: 5s",
    """
    16:20: warning: `preempt-delay` has no effect while `preempt` is off; remove one of the two
    """
  ),
  BadFile(
    "preempt: false",
    "preemptDelay: 5s",
    """
    15:5: error: unknown key `preemptDelay` in group `web`; did you mean `preempt-delay`?
    """
  ),
  BadFile(
    "preempt: false",
    "requires-listener: 5432",
    """
    15:5: error: `requires-listener` in group `web`: that the address is only taken where something listens is said \
    by a probe; write `probes: { listens: { listener: 5432 } }`
    """
  ),
]

private let badProbes: [BadFile] = [
  BadFile(
    "http: \"http://127.0.0.1:80/health\",",
    "",
    """
    17:13: error: `http`, `tcp`, `grpc`, `redis`, `postgres`, `dns`, `udp`, `exec`, `process`, `interface`, `gateway`, \
    `file`, `disk` or `listener` is missing in probe `http`; add, for example, `http: "http://127.0.0.1:8080/health"`
    """
  ),
  BadFile(
    "tcp: 127.0.0.1:5432",
    "exec: /usr/lib/check -x",
    """
    18:21: error: `exec`: expected a program and its arguments, found `/usr/lib/check -x`; no shell reads it: write \
    `[/usr/lib/check, -x]`
    """
  ),
  BadFile(
    "tcp: 127.0.0.1:5432",
    "exec: [check, -x]",
    """
    18:21: error: `exec`: expected the absolute path of a program, found `check`
    """
  ),
  BadFile(
    "tcp: 127.0.0.1:5432",
    "tcp: 127.0.0.1:5432, user: nobody",
    """
    18:36: error: `user` in probe `port`: only a probe with `redis`, `postgres` or `exec` has it; remove it, or ask \
    with `redis: 127.0.0.1:6379`
    """
  ),
  BadFile(
    "http: \"http://127.0.0.1:80/health\",",
    "tcp: 127.0.0.1:80,",
    """
    17:34: error: `host` in probe `http`: only a probe with `http` or `grpc` has it; remove it, or ask with `http: \
    "http://127.0.0.1:8080/health"`
    17:53: error: `expect-status` in probe `http`: only a probe with `http` has it; remove it, or ask with `http: \
    "http://127.0.0.1:8080/health"`
    """
  ),
  BadFile(
    "http: \"http://127.0.0.1:80/health\",",
    "http: \"http://127.0.0.1:80/health\", tcp: 127.0.0.1:80,",
    """
    17:51: error: probe `http` asks for both `http` and `tcp`; make it two probes
    """
  ),
  BadFile(
    "http://127.0.0.1:80/health",
    "ftp://127.0.0.1/",
    """
    17:21: error: `http`: an HTTP probe cannot ask `ftp://`; probe the service over `http://` or `https://`, or its \
    port with `tcp`
    """
  ),
  BadFile(
    "http://127.0.0.1:80/health",
    "127.0.0.1/",
    """
    17:21: error: `http`: expected a URL, found `127.0.0.1/`; write, for example, `http://127.0.0.1:8080/health`
    """
  ),
  BadFile(
    "http://127.0.0.1:80/health",
    "http://localhostt/",
    """
    17:21: error: `http`: expected an IP address, found the name `localhostt`; write its address: a probe must \
    not depend on DNS
    """
  ),
  BadFile(
    "http://127.0.0.1:80/health",
    "http://u:p@127.0.0.1/",
    """
    17:21: error: `http`: the URL contains a user name; remove everything up to the `@`
    """
  ),
  BadFile(
    "http://127.0.0.1:80/health",
    "http://::1/",
    """
    17:21: error: `http`: expected an address and a port, found `::1`; an IPv6 address goes in brackets: \
    `"[::1]:80"`
    """
  ),
  BadFile(
    "http://127.0.0.1:80/health",
    "http://127.0.0.1/a b",
    """
    17:21: error: `http`: the path `/a b` contains a character that a request cannot carry; encode it, such as \
    `%20` for a blank; a `#fragment` is never sent
    """
  ),
  BadFile(
    "http://127.0.0.1:80/health",
    "http://127.0.0.1:99999/",
    """
    17:21: error: `http`: expected a port from 1 to 65535, found `99999`
    """
  ),
  BadFile(
    "host: example.org",
    "host: \"a\\r\\nb\"",
    """
    17:57: error: `host`: expected the value of the Host header, found `a\\u{d}\\u{a}b`; write, for example, \
    `example.org`
    """
  ),
  BadFile(
    "host: example.org",
    "method: get",
    """
    17:59: error: `method`: HTTP methods are written in capitals; write `GET`
    """
  ),
  BadFile(
    "host: example.org",
    "method: HEAD, body-contains: ok",
    """
    17:65: error: the answer to HEAD has no body that could contain anything; use `method: GET`
    """
  ),
  BadFile(
    "host: example.org",
    "body-contains: \"\"",
    """
    17:66: error: `body-contains`: expected a text that the answer contains, found an empty text
    """
  ),
  BadFile(
    "300-399",
    "399-300",
    """
    17:96: error: status 3: expected a status from 100 to 599, or a range of them, found `399-300`; write `200` \
    or `200-299`
    """
  ),
  BadFile(
    "300-399",
    "2xx",
    """
    17:96: error: status 3: expected a status from 100 to 599, or a range of them, found `2xx`; write `200` or \
    `200-299`
    """
  ),
  BadFile(
    "fall: 2",
    "fall: 0",
    """
    17:112: error: `fall`: expected a whole number from 1 to 100, found `0`
    """
  ),
  BadFile(
    "fall: 2",
    "fall: 2, timeout: 2s",
    """
    17:124: error: `timeout`: expected at most the probe's interval, 1s, found `2s`; write `1s` or less
    """
  ),
  BadFile(
    "fall: 2",
    "interval: 200ms, timeout: 1s",
    """
    17:132: error: `timeout`: expected at most the probe's interval, 200ms, found `1s`; write `200ms` or less
    """
  ),
  BadFile(
    "fall: 2",
    "on-failure: reboot",
    """
    17:118: error: `on-failure`: expected `ineligible` or `ignore`, found `reboot`; to lower the priority instead, write \
    `weight: -60`
    """
  ),
  BadFile(
    "fall: 2",
    "on-failure: ineligible, weight: -1",
    """
    17:106: error: probe `http` has both `on-failure` and `weight`; keep `weight` to lower the priority, or \
    `on-failure: ineligible` to give the group up
    """
  ),
  BadFile(
    "weight: -120",
    "weight: 120",
    """
    18:61: error: `weight`: expected a number from -254 to -1, found `120`; a failing probe lowers the priority: \
    write `-120`
    """
  ),
  BadFile(
    "weight: -120",
    "weight: -300",
    """
    18:61: error: `weight`: expected a whole number from -254 to -1, found `-300`
    """
  ),
  BadFile(
    "weight: -120",
    "weight: -60",
    """
    18:61: warning: this weight can never cause a failover: `alpha` would keep 140 and `beta` has only 100; \
    write `weight: -100`, or bring the priorities closer together
    """
  ),
  BadFile(
    "tcp: 127.0.0.1:5432",
    "tcp: 127.0.0.1",
    """
    18:20: error: `tcp`: `127.0.0.1` lacks its port; write, for example, `127.0.0.1:5432`
    """
  ),
  BadFile(
    "tcp: 127.0.0.1:5432",
    "tcp: db.example.org:5432",
    """
    18:20: error: `tcp`: expected an IP address, found the name `db.example.org`; write its address: a probe \
    must not depend on DNS
    """
  ),
  BadFile(
    "tcp: 127.0.0.1:5432",
    "tcp: \"::1:5432\"",
    """
    18:20: error: `tcp`: expected an address and a port, found `::1:5432`; an IPv6 address goes in brackets: \
    `"[::1]:80"`
    """
  ),
  BadFile(
    "tcp: 127.0.0.1:5432",
    "tcp: \"[::1:5432\"",
    """
    18:20: error: `tcp`: expected an address and a port, found `[::1:5432`; close the bracket
    """
  ),
]

@Test("priorities and preemption", arguments: badGroups)
private func groups(file: BadFile) {
  #expect(file.complaints == file.expected)
}

@Test("probes", arguments: badProbes)
private func probes(file: BadFile) {
  #expect(file.complaints == file.expected)
}
