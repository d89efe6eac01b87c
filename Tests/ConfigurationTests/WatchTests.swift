// Probes that watch: what each form means, and what is said about wrong ones.

import Health
import Testing

@testable import Configuration

private func kind(_ probe: String) throws -> ProbeSpecification.Kind? {
  let file = goodFile(replacing: "tcp: 127.0.0.1:5432", by: probe)
  return try parse(file).settings.groups.first?.probes.last?.kind
}

@Test(arguments: [
  ("process: nginx", Watch.process(ProcessWatch(.name("nginx", minimum: 1)))),
  ("process: { name: nginx, minimum: 3 }", .process(ProcessWatch(.name("nginx", minimum: 3)))),
  (
    "process: { name: nginx, minimum: 3 }, debounce: 2s",
    .process(ProcessWatch(.name("nginx", minimum: 3), debounce: .seconds(2)))
  ),
  ("process: { pidfile: /run/x.pid }", .process(ProcessWatch(.pidFile("/run/x.pid", name: nil)))),
  ("process: { pidfile: /run/x.pid, name: x }", .process(ProcessWatch(.pidFile("/run/x.pid", name: "x")))),
  ("interface: eth1", .interface(InterfaceWatch(name: "eth1", debounce: .zero))),
  ("interface: eth1, debounce: 2s", .interface(InterfaceWatch(name: "eth1", debounce: .seconds(2)))),
  (
    "gateway: 192.0.2.1",
    .gateway(GatewayWatch(targets: [IPAddress(v4: 0xc000_0201)], atLeast: 1, method: nil, interface: nil))
  ),
  (
    "gateway: [192.0.2.1, 192.0.2.2], at-least: 2, by: icmp",
    .gateway(
      GatewayWatch(
        targets: [IPAddress(v4: 0xc000_0201), IPAddress(v4: 0xc000_0202)],
        atLeast: 2,
        method: .icmp,
        interface: nil
      )
    )
  ),
  (
    "gateway: \"fe80::1\", through: eth0, by: arp",
    .gateway(
      GatewayWatch(targets: [IPAddress(v6: 0xfe80 << 112 | 1)], atLeast: 1, method: .arp, interface: "eth0")
    )
  ),
  ("file: /run/w", .file(FileWatch(path: "/run/w", rule: .weight))),
  ("file: { path: /run/w, must: exist }", .file(FileWatch(path: "/run/w", rule: .exists))),
  ("file: { path: /run/w, must: not-exist }", .file(FileWatch(path: "/run/w", rule: .isAbsent))),
  ("disk: /var", .disk(DiskWatch(path: "/var", free: nil, isWritable: true))),
  ("disk: /var, free: 5%", .disk(DiskWatch(path: "/var", free: .percent(5), isWritable: true))),
  (
    "disk: /var, free: 2GiB, writable: false",
    .disk(DiskWatch(path: "/var", free: .bytes(2 << 30), isWritable: false))
  ),
  ("listener: 443", .listener(ListenerWatch(address: nil, port: 443, transport: .tcp))),
  ("listener: 53/udp", .listener(ListenerWatch(address: nil, port: 53, transport: .udp))),
  (
    "listener: \"192.0.2.10:443/tcp\"",
    .listener(ListenerWatch(address: IPAddress(v4: 0xc000_020a), port: 443, transport: .tcp))
  ),
])
func `what is watched`(probe: String, watch: Watch) throws {
  #expect(try kind(probe) == .watch(watch))
}

private let badWatches: [(probe: String, expected: String)] = [
  (
    "process: /usr/sbin/nginx",
    "18:24: error: `process`: expected the name of a process, found `/usr/sbin/nginx`; write it without its path, as "
      + "`ps -o comm` shows it"
  ),
  (
    "process: a-name-of-17-char",
    "18:24: error: `process`: `a-name-of-17-char` is longer than 15 bytes, and the kernel keeps no more of a name; "
      + "write `a-name-of-17-ch`"
  ),
  (
    "process: { pidfile: run/x.pid }",
    "18:35: error: `pidfile`: expected an absolute path, found `run/x.pid`; begin it with `/`"
  ),
  (
    "process: { pidfile: /run/x.pid, minimum: 2 }",
    "18:47: error: `minimum` in `process`: a pid file names one process; remove it"
  ),
  (
    "gateway: [192.0.2.1, 192.0.2.1], at-least: 3",
    """
    18:36: error: gateway `192.0.2.1` is there twice; remove one
    18:58: error: `at-least`: there are only 2 gateways, so 3 can never answer; write `2` or less
    """
  ),
  (
    "gateway: \"fe80::1\"",
    "18:24: error: `gateway`: `fe80::1` is a link-local address, which means nothing without an interface; add, for "
      + "example, `through: eth0`"
  ),
  ("gateway: 192.0.2.1, by: ping", "18:39: error: `by`: expected `arp` or `icmp`, found `ping`"),
  (
    "file: { path: /run/w, must: be }",
    "18:43: error: `must`: expected `exist` or `not-exist`, found `be`"
  ),
  ("disk: /var, free: 100%", "18:33: error: `free`: expected `1%` to `99%`, found `100%`"),
  (
    "disk: /var, free: 2GB",
    "18:33: error: `free`: expected a share or a size, found `2GB`; write, for example, `5%` or `2GiB`"
  ),
  (
    "disk: /var, writable: false",
    "18:27: error: probe `port` looks for neither room nor a read-only file system; add `free: 5%`, or remove "
      + "`writable: false`"
  ),
  (
    "listener: 53/sctp",
    "18:25: error: `listener`: expected `/tcp` or `/udp` after the port, found `/sctp`; write, for example, `53/udp`"
  ),
  ("listener: 0", "18:25: error: `listener`: expected a port from 1 to 65535, found `0`"),
  (
    "disk: /var, debounce: 1s",
    "18:27: error: `debounce` in probe `port`: only a probe with `process` or `interface` has it; remove it, or ask "
      + "with `process: nginx`"
  ),
]

@Test(arguments: badWatches)
func `what is said about a wrong one`(probe: String, expected: String) {
  let file = goodFile(replacing: "tcp: 127.0.0.1:5432", by: probe)
  let said = complaints(about: file).map { $0.replacing("baton.yaml:", with: "", maxReplacements: 1) }
  #expect(said.joined(separator: "\n") == expected)
}
