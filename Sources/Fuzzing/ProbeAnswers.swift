// What services that are no web servers answer to a probe: fed to the dialogues of Redis, PostgreSQL and TCP with text,
// and to the reader of DNS responses.
//
// The first byte chooses who is asked and for what, the second the portions in which the answer arrives.

import Health

enum ProbeAnswers {
  /// Promises that the portions make no difference to the verdict, and that what is shown of an answer fits into a line.
  static func feed(_ bytes: [UInt8]) throws(BrokenPromise) -> Bool {
    guard bytes.count >= 2 else { return false }
    let answer = bytes.dropFirst(2)
    let portion = Int(bytes[1]) + 1
    let variant = bytes[0] >> 2
    switch bytes[0] & 3 {
    case 0:
      let role: RedisProbe.Role? = variant & 1 == 0 ? nil : variant & 2 == 0 ? .master : .replica
      let password: [UInt8]? = variant & 4 == 0 ? nil : [0x61]
      return try hear(answer, portion) { RedisDialogue(password: password, role: role) }
    case 1:
      let target = Target.endpoint(Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 5432))
      return try hear(answer, portion) { PostgresDialogue(PostgresProbe(target: target)) }
    case 2:
      let rules: [TextRule] = [.contains("aab"), .lacks("ccd")]
      return try hear(answer, portion) { ExchangeDialogue(Exchange(expect: Array(rules.prefix(Int(variant % 3))))) }
    default:
      return try read(answer, variant)
    }
  }

  private static func hear(
    _ answer: ArraySlice<UInt8>,
    _ portion: Int,
    _ begin: () -> some Dialogue
  ) throws(BrokenPromise) -> Bool {
    let whole = try progress(of: answer, in: max(answer.count, 1), begin)
    let cut = try progress(of: answer, in: portion, begin)
    switch (whole, cut) {
    case (.incomplete, .incomplete): return false
    case (.complete(let fault, _), .complete(let other, _)):
      // How much of an unexpected answer is shown depends on how much of it was there.
      let isSame = fault == other || [fault, other].allSatisfy { if case .unexpected? = $0 { true } else { false } }
      try promise(isSame, "\(fault, default: "good") became \(other, default: "good") in portions of \(portion)")
      return fault == nil
    case (.incomplete, .complete), (.complete, .incomplete):
      throw BrokenPromise("\(whole) became \(cut) in portions of \(portion)")
    }
  }

  private static func progress(
    of answer: ArraySlice<UInt8>,
    in portion: Int,
    _ begin: () -> some Dialogue
  ) throws(BrokenPromise) -> DialogueProgress {
    var dialogue = begin()
    _ = dialogue.question()
    var rest = answer
    var progress = DialogueProgress.incomplete
    while case .incomplete = progress, !rest.isEmpty {
      progress = dialogue.hear(rest.prefix(portion))
      rest = rest.dropFirst(portion)
    }
    try isFitToBeShown(progress)
    if case .incomplete = progress { try isFitToBeShown(dialogue.hearEnd()) }
    return progress
  }

  private static func isFitToBeShown(_ progress: DialogueProgress) throws(BrokenPromise) {
    guard case .complete(let fault, let said) = progress else { return }
    for text in [said, fault.map { "\($0)" } ?? ""] {
      let isOneLine = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
      try promise(isOneLine && text.unicodeScalars.count < 256, "not a line: \(text)")
    }
  }

  private static func read(_ datagram: ArraySlice<UInt8>, _ variant: UInt8) throws(BrokenPromise) -> Bool {
    guard let name = DNSName("www.example.org") else { return false }
    let query = DNSQuery(id: 0x1234, name: name, type: DNSType.allCases[Int(variant) % DNSType.allCases.count])
    guard let response = try? query.response(in: datagram) else { return false }
    try promise(response.addresses.count <= response.matching, "more addresses than records")
    try promise(response.matching * 11 <= datagram.count, "more records than bytes")
    return true
  }
}
