// What can be wrong with a line on the control socket, and the JSON behind Request and Response.

import FoundationEssentials

/// A line that is no message.
package enum ProtocolError: Error, Hashable, Sendable {
  /// A line is longer than this many bytes.
  case lineTooLong(limit: Int)
  /// Not JSON, or not the object it should be; carries what is wrong.
  case malformed(String)
  /// The other side speaks this version, which this software does not.
  case unsupportedVersion(Int)
  /// The command is none that this software knows.
  case unknownCommand(String)
  /// A message could not be written as JSON; carries the cause.
  case unencodable(String)
}

extension ProtocolError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .lineTooLong(let limit): "a message is longer than \(limit) bytes"
    case .malformed(let cause): "malformed message: \(cause)"
    case .unsupportedVersion(let version):
      "protocol version \(version) is not spoken here (this is version \(ControlProtocol.version))"
    case .unknownCommand(let name): "unknown command \"\(name)\""
    case .unencodable(let cause): "a message cannot be written as JSON: \(cause)"
    }
  }

  /// How a daemon tells an asker.
  package var failure: Failure {
    switch self {
    case .lineTooLong, .malformed: Failure(.badRequest, description)
    case .unsupportedVersion:
      Failure(.unsupportedVersion, description, hint: "this batond is older than the CLI: restart it after an upgrade")
    case .unknownCommand:
      Failure(
        .unknownCommand,
        description,
        hint: "this batond knows: \(Command.names.joined(separator: ", "))"
      )
    case .unencodable: Failure(.internal, description)
    }
  }
}

/// One JSON object on one line.
enum JSONLine {
  /// The object with its newline; keys sorted, so that equal messages are equal lines.
  static func encode(_ value: some Encodable) throws(ProtocolError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      var line = Array(try encoder.encode(value))
      line.append(UInt8(ascii: "\n"))
      return line
    } catch {
      throw .unencodable(explain(error))
    }
  }

  static func decode<Value: Decodable>(_ type: Value.Type, from line: [UInt8]) throws(ProtocolError) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(line))
    } catch {
      throw .malformed(explain(error))
    }
  }

  /// Looks at the version before anything else, because nothing else need mean the same in another one.
  static func checkVersion(_ line: [UInt8]) throws(ProtocolError) {
    struct Versioned: Decodable { var version: Int }
    let version = try decode(Versioned.self, from: line).version
    guard version == ControlProtocol.version else { throw .unsupportedVersion(version) }
  }

  /// One line instead of the dump that a coding error prints.
  private static func explain(_ error: any Error) -> String {
    func place(_ path: [any CodingKey]) -> String {
      path.isEmpty ? "" : " in \"\(path.map(\.stringValue).joined(separator: "."))\""
    }
    return switch error {
    case DecodingError.keyNotFound(let key, let context):
      "the key \"\(key.stringValue)\" is missing\(place(context.codingPath))"
    case DecodingError.typeMismatch(let type, let context): "expected \(type)\(place(context.codingPath))"
    case DecodingError.valueNotFound(let type, let context): "expected \(type)\(place(context.codingPath))"
    case DecodingError.dataCorrupted(let context): "\(context.debugDescription)\(place(context.codingPath))"
    case EncodingError.invalidValue(let value, let context):
      "\(value) has no JSON form\(place(context.codingPath))"
    default: "\(error)"
    }
  }
}

/// The JSON that the CLI prints with `--json`.
package enum JSONText {
  /// On one line, for streams; without a newline.
  package static func line(_ value: some Encodable) throws(ProtocolError) -> String {
    String(decoding: try JSONLine.encode(value).dropLast(), as: UTF8.self)
  }

  /// Indented, for people and pipes; without a final newline.
  package static func pretty(_ value: some Encodable) throws(ProtocolError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
      throw .unencodable("\(error)")
    }
  }
}
