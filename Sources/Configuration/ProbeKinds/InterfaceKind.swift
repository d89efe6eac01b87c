// `interface: NAME`: an interface that must have a carrier.

import Health

extension ProbeKind {
  static var interface: ProbeKind {
    ProbeKind(key: "interface", options: ["debounce"], example: "interface: eth1") { map in
      let debounce = map.optional("debounce", .debounce) ?? .zero
      return map.optional("interface", Reader<String>.interface).map {
        .watch(.interface(InterfaceWatch(name: $0, debounce: debounce)))
      }
    }
  }
}

extension Reader where Value == Duration {
  /// How long a change must last before it counts.
  static var debounce: Reader { .duration(in: .zero ... .seconds(60)) }
}
