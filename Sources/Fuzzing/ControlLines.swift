// What is said on the control socket, in both directions.

import Control

enum ControlLines {
  /// A stream of request lines; the first byte says into what portions it is cut. Promises that the portions make no
  /// difference, that what is accepted is written as something that reads the same, and that every refusal can be sent.
  static func feed(requests bytes: [UInt8]) throws(BrokenPromise) -> Bool {
    guard let first = bytes.first else { return false }
    let stream = bytes.dropFirst()
    let lines = lines(of: stream, portion: stream.count)
    let cut = Self.lines(of: stream, portion: Int(first) + 1)
    try promise(cut == lines, "\(lines.count) lines became \(cut.count) in portions of \(Int(first) + 1)")
    var isUnderstood = false
    for line in lines {
      let request: Request
      do throws(ProtocolError) {
        request = try Request(line: line)
      } catch {
        try checkAnswer(.failure(error.failure))
        continue
      }
      isUnderstood = true
      let again = try? Request(line: request.encoded().dropLast())
      try promise(again == request, "\(request) became \(again.map { "\($0)" } ?? "unreadable")")
    }
    return isUnderstood
  }

  /// One response line. Promises that what is accepted is written as something that reads the same.
  static func feed(response line: [UInt8]) throws(BrokenPromise) -> Bool {
    guard let response = try? Response(line: line) else { return false }
    try checkAnswer(response)
    return true
  }

  private static func checkAnswer(_ response: Response) throws(BrokenPromise) {
    let line: [UInt8]
    do throws(ProtocolError) {
      line = try response.encoded()
    } catch {
      throw BrokenPromise("\(response) cannot be sent: \(error)")
    }
    let newline = line.firstIndex(of: UInt8(ascii: "\n"))
    try promise(newline == line.count - 1, "\(response) is not one line")
    let again = try? Response(line: line.dropLast())
    try promise(again == response, "\(response) became \(again.map { "\($0)" } ?? "unreadable")")
  }

  /// The whole lines of a stream, up to the first that is too long.
  private static func lines(of stream: ArraySlice<UInt8>, portion: Int) -> [[UInt8]] {
    var framer = LineFramer(limit: ControlProtocol.requestLimit)
    var lines: [[UInt8]] = []
    var rest = stream
    while !rest.isEmpty {
      framer.append(rest.prefix(portion))
      rest = rest.dropFirst(portion)
      do throws(ProtocolError) {
        while let line = try framer.next() { lines.append(line) }
      } catch {
        return lines
      }
    }
    return lines
  }
}

extension Request {
  fileprivate init(line: ArraySlice<UInt8>) throws(ProtocolError) { try self.init(line: Array(line)) }
}

extension Response {
  fileprivate init(line: ArraySlice<UInt8>) throws(ProtocolError) { try self.init(line: Array(line)) }
}
