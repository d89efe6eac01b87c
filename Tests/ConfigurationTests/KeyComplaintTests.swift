// What is said about keys and plain values: unknown, missing, doubled, of the wrong type, out of range.

import Testing

private let badKeys: [BadFile] = [
  BadFile(
    "cluster: web",
    "clutser: web",
    """
    1:1: error: unknown key `clutser` in the configuration; did you mean `cluster`?
    """
  ),
  BadFile(
    "cluster: web\n",
    "",
    """
    1:1: error: `cluster` is missing in the configuration; add, for example, `cluster: web`
    """
  ),
  BadFile(
    "cluster: web",
    "cluster: [a]",
    """
    1:10: error: `cluster`: expected the name of a cluster, found a list
    """
  ),
  BadFile(
    "cluster: web",
    "cluster: web site",
    """
    1:10: error: `cluster`: `web site` cannot be the name of a cluster; a name is 1 to 63 letters, digits, `.`, \
    `_` or `-`
    """
  ),
  BadFile(
    "cluster: web",
    "cluster:",
    """
    1:9: error: `cluster`: expected the name of a cluster, found nothing
    """
  ),
  BadFile(
    "cluster: web",
    "cluster: web\ncluster: x",
    """
    2:1: error: `cluster` appears a second time; it stands in line 1 already; keep one of them
    """
  ),
  BadFile(
    "cluster: web",
    "cluster: web\nvrrp: x",
    """
    2:1: error: unknown key `vrrp` in the configuration; it takes `cluster`, `node`, `key-file`, `heartbeat`, \
    `realtime`, `gate`, `control`, `probes`, `nodes` and `groups`
    """
  ),
  BadFile(
    "cluster: web",
    "cluster: web\nnode: gamma",
    """
    2:7: error: there is no node `gamma`; the nodes are `alpha` and `beta`
    """
  ),
  BadFile(
    "cluster: web",
    "cluster: web\nnode: bta",
    """
    2:7: error: there is no node `bta`; did you mean `beta`?
    """
  ),
  BadFile(
    "cluster: web",
    "cluster: web\nnode: beta",
    """
    2:7: warning: this host is called `alpha`, but will act as node `beta`; if the file was copied from there, \
    remove this line: the host name is enough
    """
  ),
  BadFile(
    "control: { group: adm }",
    "[a]: b",
    """
    5:1: error: expected a key, found a list; write `key: value`
    """
  ),
  BadFile(
    "control: { group: adm }",
    "? {a: b}\n: c",
    """
    5:3: error: expected a key, found a mapping; write `key: value`
    """
  ),
  BadFile(
    "control: { group: adm }",
    "\"\": x",
    """
    5:1: error: expected a key, found an empty text; write `key: value`
    """
  ),
]

private let badValues: [BadFile] = [
  BadFile(
    "interval: 100ms",
    "intervall: 100ms",
    """
    3:14: error: unknown key `intervall` in `heartbeat`; did you mean `interval`?
    """
  ),
  BadFile(
    "interval: 100ms",
    "interval: 100",
    """
    3:24: error: `interval`: expected a duration, found `100`, which has no unit; write `100ms` or `100s`
    """
  ),
  BadFile(
    "interval: 100ms",
    "interval: 100 ms",
    """
    3:24: error: `interval`: expected a duration, found `100 ms`; write `100ms`
    """
  ),
  BadFile(
    "interval: 100ms",
    "interval: 0.1",
    """
    3:24: error: `interval`: expected a duration, found `0.1`, which has no unit; write `0.1s`
    """
  ),
  BadFile(
    "interval: 100ms",
    "interval: 1sec",
    """
    3:24: error: `interval`: expected a duration, found `1sec`; write `1s`
    """
  ),
  BadFile(
    "interval: 100ms",
    "interval: fast",
    """
    3:24: error: `interval`: expected a duration, found `fast`; write, for example, `100ms` or `5s`
    """
  ),
  BadFile(
    "interval: 100ms",
    "interval: 1ms",
    """
    3:24: error: `interval`: expected 5ms to 1m, found `1ms`
    """
  ),
  BadFile(
    "interval: 100ms",
    "interval: 2m",
    """
    3:24: error: `interval`: expected 5ms to 1m, found `2m`
    """
  ),
  BadFile(
    "interval: 100ms",
    "interval: [1s]",
    """
    3:24: error: `interval`: expected a duration, found a list; write, for example, `1s`
    """
  ),
  BadFile(
    "interval: 100ms",
    "interval: 99999999999999h",
    """
    3:24: error: `interval`: `99999999999999h` is too long or too finely divided a duration
    """
  ),
  BadFile(
    "port: 7112",
    "port: 70000",
    """
    3:37: error: `port`: expected a whole number from 1 to 65535, found `70000`
    """
  ),
  BadFile(
    "port: 7112",
    "port: 0",
    """
    3:37: error: `port`: expected a whole number from 1 to 65535, found `0`
    """
  ),
  BadFile(
    "port: 7112",
    "port: http",
    """
    3:37: error: `port`: expected a whole number from 1 to 65535, found `http`
    """
  ),
  BadFile(
    "port: 7112",
    "port: 07112",
    """
    3:37: error: `port`: `07112` can be misread; write `7112`
    """
  ),
  BadFile(
    "realtime: true",
    "realtime: maybe",
    """
    4:11: error: `realtime`: expected `true` or `false`, found `maybe`
    """
  ),
  BadFile(
    "realtime: true",
    "realtime: { a: b }",
    """
    4:11: error: `realtime`: expected `true` or `false`, found a mapping
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: adm",
    """
    5:10: error: `control`: expected the control socket's settings, found `adm`; write, for example, `{ group: \
    adm }`
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: { group: }",
    """
    5:19: error: `group`: expected the name of a Unix group, found nothing; write, for example, `adm`
    """
  ),
  BadFile(
    "control: { group: adm }",
    "control: |\n  text",
    """
    5:10: error: `control`: expected the control socket's settings, found `text\\u{a}`; write, for example, `{ \
    group: adm }`
    """
  ),
]

@Test("misspelt, missing, doubled and unknown keys", arguments: badKeys)
private func keys(file: BadFile) {
  #expect(file.complaints == file.expected)
}

@Test("plain values of the wrong type or out of range", arguments: badValues)
private func values(file: BadFile) {
  #expect(file.complaints == file.expected)
}
