// What is said about addresses: of nodes, of paths, and virtual ones.

import Testing

private let badNodes: [BadFile] = [
  BadFile(
    "[192.0.2.11, 198.51.100.11]",
    "192.0.2.11",
    """
    7:23: error: `addresses`: expected a list of addresses, found `192.0.2.11`; write `[192.0.2.11]`
    """
  ),
  BadFile(
    "[192.0.2.11, 198.51.100.11]",
    "[192.0.2.11]",
    """
    8:3: error: node `beta` has 2 addresses, node `alpha` has 1; give every node one address for each path \
    between the hosts
    """
  ),
  BadFile(
    "[192.0.2.11, 198.51.100.11]",
    "[192.0.2.11, 192.0.2.11]",
    """
    7:36: error: `192.0.2.11` is listed twice; every address belongs to one node and one path
    """
  ),
  BadFile(
    "[192.0.2.11, 198.51.100.11]",
    "[192.0.2.11, 192.0.2.12]",
    """
    8:23: error: `192.0.2.12` is also an address of node `alpha`; every address belongs to one node and one path
    """
  ),
  BadFile(
    "[192.0.2.11, 198.51.100.11]",
    "[192.0.2.11, \"2001:db8::11\"]",
    """
    8:35: error: path 2 would lead from `198.51.100.12` to `2001:db8::11` of node `alpha`; the addresses at one \
    position must all be IPv4 or all IPv6
    """
  ),
  BadFile(
    "[192.0.2.11, 198.51.100.11]",
    "[192.0.2.11, 192.0.2.10]",
    """
    12:9: error: `192.0.2.10` is the own address of node `alpha`; a virtual address moves between hosts and must \
    belong to none of them
    """
  ),
  BadFile(
    "[192.0.2.11, 198.51.100.11]",
    "[192.0.2.11/24, 198.51.100.011]",
    """
    7:24: error: address 1: expected an address without prefix or zone, found `192.0.2.11/24`; write `192.0.2.11`
    7:39: error: address 2: expected an IP address, found `198.51.100.011`; write, for example, `192.0.2.1` or \
    `"2001:db8::1"`
    """
  ),
  BadFile(
    "[192.0.2.11, 198.51.100.11]",
    "[alpha.example.org, fe80::1]",
    """
    7:24: error: address 1: expected an IP address, found the name `alpha.example.org`; write its address: \
    heartbeats must not depend on DNS
    7:43: error: address 2: `fe80::1` is a link-local address, which means nothing without an interface; use a \
    global or unique local (fd00::/8) address
    """
  ),
  BadFile(
    "[192.0.2.11, 198.51.100.11]",
    "[224.0.0.1, 0.0.0.0]",
    """
    7:24: error: address 1: expected the address of a host, found `224.0.0.1`, a multicast address
    7:35: error: address 2: expected the address of a host, found `0.0.0.0`, the unspecified address
    """
  ),
  BadFile(
    "[192.0.2.11, 198.51.100.11]",
    "[::ffff:192.0.2.11, 127.0.0.1]",
    """
    7:24: error: expected a value here; close every `{` and `[`, and put quotes around a text that begins with a \
    sign
    """
  ),
  BadFile(
    "[192.0.2.11, 198.51.100.11]",
    "[]",
    """
    7:23: error: `addresses`: expected 1 to 16 addresses, found 0
    """
  ),
  BadFile(
    "alpha: { addresses: [192.0.2.11, 198.51.100.11] }",
    "alpha: 192.0.2.11",
    """
    7:10: error: node `alpha`: expected a node's addresses, found `192.0.2.11`; write, for example, `{ address: \
    192.0.2.11 }`
    """
  ),
  BadFile(
    "alpha: { addresses: [192.0.2.11, 198.51.100.11] }",
    "alpha: { adress: 192.0.2.11 }",
    """
    7:12: error: unknown key `adress` in node `alpha`; did you mean `address`?
    """
  ),
  BadFile(
    "alpha: { addresses: [192.0.2.11, 198.51.100.11] }",
    "alpha: { address: 192.0.2.11, addresses: [192.0.2.11] }",
    """
    7:33: error: `addresses` in node `alpha`: `address` is there already; put all of them into `addresses: […]`
    """
  ),
  BadFile(
    "alpha: { addresses: [192.0.2.11, 198.51.100.11] }",
    "al pha: { addresses: [192.0.2.11, 198.51.100.11] }",
    """
    6:1: error: none of the nodes has this host's name, `alpha`; did you mean `al pha`?
    7:3: error: `al pha` cannot be the name of a node; a name is 1 to 63 letters, digits, `.`, `_` or `-`
    14:17: error: there is no node `alpha`; did you mean `al pha`?
    """
  ),
  BadFile(
    "  beta: { addresses: [192.0.2.12, 198.51.100.12] }\n",
    "",
    """
    7:3: error: `nodes`: expected 2 to 16 nodes, found 1
    13:29: error: there is no node `beta`; the only node is `alpha`
    """
  ),
]

private let badVirtualAddresses: [BadFile] = [
  BadFile(
    "192.0.2.10/24, interface: eth0",
    "192.0.2.10, interface: eth0",
    """
    12:20: error: `address`: `192.0.2.10` lacks its prefix length; write `192.0.2.10/24`, or whatever the \
    network has
    """
  ),
  BadFile(
    "192.0.2.10/24, interface: eth0",
    "192.0.2.10/24",
    """
    12:20: error: `192.0.2.10/24` names no interface; write `192.0.2.10/24 on eth0`, or `interface: eth0` once \
    in the group
    """
  ),
  BadFile(
    "192.0.2.10/24, interface: eth0",
    "192.0.2.0/24, interface: eth0",
    """
    12:20: error: `address`: `192.0.2.0/24` is a network, not an address in it; write the one address that is to \
    move
    """
  ),
  BadFile(
    "192.0.2.10/24, interface: eth0",
    "192.0.2.255/24, interface: eth0",
    """
    12:20: error: `address`: `192.0.2.255/24` is the broadcast address of its network; write the one address \
    that is to move
    """
  ),
  BadFile(
    "192.0.2.10/24, interface: eth0",
    "192.0.2.10/33, interface: eth0",
    """
    12:20: error: `address`: expected a prefix length from 1 to 32, found `33`
    """
  ),
  BadFile(
    "192.0.2.10/24, interface: eth0",
    "192.0.2.10/24 on eth1, interface: eth0",
    """
    12:20: error: the interface is given twice and differs; keep one of them
    """
  ),
  BadFile(
    "192.0.2.10/24, interface: eth0",
    "192.0.2.10/24, interface: \"eth0/x\"",
    """
    12:46: error: `interface`: `eth0/x` cannot be a network interface; `ip link` lists the names
    """
  ),
  BadFile(
    "192.0.2.10/24, interface: eth0",
    "192.0.2.10/24, interface: aVeryLongInterfaceName",
    """
    12:46: error: `interface`: expected the name of a network interface, 1 to 15 characters long, found \
    `aVeryLongInterfaceName`; `ip link` lists the names
    """
  ),
  BadFile(
    "192.0.2.10/24, interface: eth0",
    "192.0.2.12/24, interface: eth0",
    """
    12:9: error: `192.0.2.12` is the own address of node `beta`; a virtual address moves between hosts and must \
    belong to none of them
    """
  ),
  BadFile(
    "192.0.2.10/24, interface: eth0",
    "\"2001:db8::10/64\", interface: eth0",
    """
    13:9: error: the virtual address `2001:db8::10` is listed twice; keep it in one place
    """
  ),
  BadFile(
    "2001:db8::10/64 on eth0",
    "2001:db8::10/64 eth0",
    """
    13:9: error: virtual address 2: expected a virtual address, found `2001:db8::10/64 eth0`; write, for \
    example, `192.0.2.10/24 on eth0`
    """
  ),
  BadFile(
    "2001:db8::10/64 on eth0",
    "2001:db8::10/64",
    """
    13:9: error: `2001:db8::10/64` names no interface; write `2001:db8::10/64 on eth0`, or `interface: eth0` \
    once in the group
    """
  ),
]

@Test("node addresses and paths", arguments: badNodes)
private func nodes(file: BadFile) {
  #expect(file.complaints == file.expected)
}

@Test("virtual addresses and interfaces", arguments: badVirtualAddresses)
private func virtualAddresses(file: BadFile) {
  #expect(file.complaints == file.expected)
}
