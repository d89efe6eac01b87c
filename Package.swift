// swift-tools-version: 6.2
import PackageDescription

// Arrows point one way: Agent -> {LinuxNetwork, Probes, Control, Configuration} -> {Election, Supervision, Wire, Health}.
// These four decide and therefore import nothing but the standard library (Wire: and Crypto).

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: name + "Tests",
    dependencies: [.target(name: name)] + dependencies,
    swiftSettings: strict
  )
}

let package = Package(
  name: "baton",
  products: [
    .executable(name: "batond", targets: ["batond"]),
    .executable(name: "baton", targets: ["baton"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
  ],
  targets: [
    // What decides: pure.
    library("Health"),
    library("Election", ["Health"]),
    library("Wire", ["Election", crypto]),
    library("Supervision", ["Election"]),

    // What touches the world.
    .systemLibrary(name: "CNetlink", pkgConfig: "libnl-route-3.0", providers: [.apt(["libnl-route-3-dev"])]),
    .systemLibrary(name: "CNetfilter"),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .target(name: "CLinux"),
    library("Configuration", ["Election", "Health", "Wire", "CLinux", "CYAML"]),
    library("Control", ["Election", "Health", "CLinux"]),
    library("Commands", ["Control", "CLinux"]),
    library("LinuxNetwork", ["Election", "Health", "CNetlink", "CNetfilter", "CLinux"]),
    library(
      "Probes",
      ["Health", "Election", "Commands", "CLinux", nioCore, nioPosix, nioHTTP1, nioHTTP2, nioTLS, nioSSL]
    ),
    library("Trackers", ["Probes", "Health", "LinuxNetwork", "CLinux", nioCore]),

    // What outlives the agent: small, and without an event loop.
    library("Guardian", ["Supervision", "Election", "Health", "Control", "LinuxNetwork", "CLinux", logging]),

    // What brings them together.
    library(
      "Agent",
      [
        "Election", "Wire", "Health", "Configuration", "Control", "LinuxNetwork", "Probes", "Trackers", "Commands",
        "Guardian", "Supervision", "CLinux",
        nioCore, nioPosix, logging,
      ]
    ),
    executable("batond", ["Agent", "Guardian", "Control", "Election", "LinuxNetwork", logging]),
    executable("baton", ["Control", "Configuration", "Election", "Wire", argumentParser]),

    // The failover drill: two hosts, a client and a switch as network namespaces.
    library("Drill", ["Election", "Control", "CLinux"]),
    executable("failover-drill", ["Drill", "Election", argumentParser]),

    // The simulation: clusters of real nodes in virtual time.
    library("Simulation", ["Election", "Supervision", "Wire", "Health", "Configuration"]),
    executable("simulate", ["Simulation", "Election", argumentParser]),

    // Everything that takes bytes from outside, each as one function that a fuzzer or a test feeds.
    library(
      "Fuzzing",
      [
        "Election", "Wire", "Health", "Configuration", "Control", "Guardian", "Probes", "Simulation", crypto, nioCore,
        nioEmbedded,
      ]
    ),
    .testTarget(name: "FuzzingTests", dependencies: ["Fuzzing"], exclude: ["Corpus"], swiftSettings: strict),

    tests("Health"),
    tests("Election", ["Health"]),
    tests("Wire", ["Election"]),
    tests("Supervision", ["Election"]),
    tests("Configuration", ["Election", "Health", "Wire"]),
    .testTarget(
      name: "SimulationTests",
      dependencies: ["Simulation", "Election", "Wire"],
      exclude: ["Scenarios"],
      swiftSettings: strict
    ),
    tests("Control", ["baton"]),
    tests("Commands", ["Control", "CLinux", "Drill"]),
    tests("LinuxNetwork", ["Election", "Health", "CNetlink", "CNetfilter", "CLinux"]),
    tests("Probes", ["Trackers", "LinuxNetwork", "Health", "CLinux", "Drill", nioCore, nioPosix, nioEmbedded]),
    tests("Trackers", ["Probes", "Health", "CLinux", nioCore, nioPosix]),
    tests(
      "Agent",
      ["baton", "LinuxNetwork", "CLinux", "Control", "Configuration", "Election", "Health", "Wire", nioCore, nioPosix]
    ),
    // An agent that does nothing but what its guardian sees of it.
    .executableTarget(
      name: "guarded-program",
      dependencies: ["Agent", "Guardian", "Election", "Health", "LinuxNetwork", logging],
      path: "Tests/GuardedProgram",
      swiftSettings: strict
    ),
    tests(
      "Guardian",
      ["guarded-program", "Supervision", "Control", "LinuxNetwork", "batond", "Drill", "Election", "Health"]
    ),
    .testTarget(name: "NamespaceTests", dependencies: ["Drill", "Election", "Control"], swiftSettings: strict),
  ]
)

// The fuzzer brings its own main and links with its runtime only, so it is there for `make fuzz` alone.
if Context.environment["BATON_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz",
      dependencies: ["Fuzzing"],
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]
    )
  )
}
