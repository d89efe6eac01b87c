// An optional that is always written: `"master": null` tells a script that nobody holds the group, where an absent
// key would leave it wondering whether this version has the key at all.

/// Wraps an optional property of a report so that nil is encoded as `null`; an absent key still reads as nil, so that
/// reports of an older daemon can be read.
@propertyWrapper
package struct Nullable<Value: Codable & Hashable & Sendable>: Codable, Hashable, Sendable {
  /// The value, or nil for `null`.
  package var wrappedValue: Value?

  package init(wrappedValue: Value?) {
    self.wrappedValue = wrappedValue
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let wrappedValue {
      try container.encode(wrappedValue)
    } else {
      try container.encodeNil()
    }
  }
}

extension KeyedDecodingContainer {
  /// What the synthesised decoding of a `@Nullable` property calls.
  package func decode<Value>(_ type: Nullable<Value>.Type, forKey key: Key) throws -> Nullable<Value> {
    try decodeIfPresent(type, forKey: key) ?? Nullable(wrappedValue: nil)
  }
}

/// An enumeration of a report in which words of a newer daemon read as a stand-in, so that one new state does not make
/// a whole status unreadable to an older CLI.
package protocol LenientWord: RawRepresentable, Codable, Hashable, Sendable where RawValue == String {
  /// What an unknown word reads as.
  static var standIn: Self { get }
}

extension LenientWord {
  package init(from decoder: any Decoder) throws {
    let word = try decoder.singleValueContainer().decode(String.self)
    self = Self(rawValue: word) ?? Self.standIn
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}
