// Heartbeats as bytes. Docs/WireFormat.md has the layout; this file is its only implementation.
//
// Nothing is parsed before the MAC holds, so whoever lacks the key reaches a length check, a magic number and one hash,
// and no more. What is longer than this version knows, header, records or tail, is skipped, so that a newer version may
// append fields while old and new run side by side.

import Crypto
import Election

/// Turns heartbeats into datagrams and back.
package struct HeartbeatCodec: Sendable {
  /// Why a datagram was refused.
  package enum Refusal: Hashable, Sendable, Error, CaseIterable {
    /// Shorter than the shortest heartbeat.
    case truncated
    /// Not one of ours: the magic number is missing.
    case foreign
    /// A version of the format that this software does not speak.
    case version
    /// Signed by a key that is not on the ring.
    case unknownKey
    /// The MAC does not match: forged, damaged, or signed with another secret.
    case badMAC
    /// Authentic, and yet not well-formed.
    case malformed
  }

  /// `BATN`
  static let magic: UInt32 = 0x4241_544e
  /// The version of the format.
  static let version: UInt8 = 1
  /// The bytes of this version's header, the first twelve included.
  static let headerSize = 112
  /// The bytes of a group record without what the sender finds of the receiver's service, and with it.
  static let recordSize = 32
  static let longRecordSize = 44

  /// The keys to sign and verify with.
  package var keys: KeyRing

  package init(keys: KeyRing) {
    self.keys = keys
  }

  // MARK: Encoding

  /// The datagram for a heartbeat.
  package func encode(_ heartbeat: Heartbeat) -> [UInt8] {
    let isLong = heartbeat.groups.contains { $0.findings != nil }
    let recordSize = isLong ? Self.longRecordSize : Self.recordSize
    let size = Self.headerSize + heartbeat.groups.count * recordSize
    var writer = ByteWriter(size: size + KeyRing.macSize)
    writer.write(Self.magic)
    writer.write(Self.version)
    writer.write(keys.signingID)
    writer.write(heartbeat.flags.rawValue)
    writer.write(heartbeat.path)
    writer.write(UInt16(Self.headerSize))
    writer.write(UInt16(recordSize))
    writer.write(heartbeat.cluster)
    writer.write(heartbeat.sender.rawValue)
    writer.write(heartbeat.receiver.rawValue)
    writer.write(heartbeat.bootID)
    writer.write(heartbeat.receiverBootID)
    writer.write(heartbeat.sequence)
    writer.write(heartbeat.sentAt)
    writer.write(heartbeat.echo)
    writer.write(heartbeat.echoAge)
    writer.write(heartbeat.interval)
    writer.write(heartbeat.challenge)
    writer.write(heartbeat.response)
    writer.write(heartbeat.fingerprint)
    writer.write(heartbeat.version.major)
    writer.write(heartbeat.version.minor)
    writer.write(heartbeat.version.patch)
    writer.write(heartbeat.loss)
    writer.write(UInt16(heartbeat.groups.count))
    writer.write(UInt16(0))
    writer.write(UInt32(0))
    for record in heartbeat.groups {
      encode(record, to: &writer)
      guard isLong else { continue }
      writer.write(record.findings?.verdicts ?? 0)
      writer.write(record.findings?.list.rawValue ?? 0)
    }
    let mac = writer.withWritten { keys.sign($0) }
    writer.write(contentsOf: mac)
    return writer.bytes
  }

  private func encode(_ record: GroupRecord, to writer: inout ByteWriter) {
    writer.write(record.id.rawValue)
    writer.write(record.state.rawValue)
    writer.write(UInt8((record.isEligible ? 1 : 0) | (record.isClaiming ? 2 : 0) | (record.hearsClaim ? 4 : 0)))
    writer.write(record.priority)
    writer.write(record.effectivePriority)
    writer.write(record.term)
    writer.write(record.handoverPeer.rawValue)
    writer.write(record.handover.rawValue)
    writer.write(record.cause.rawValue)
    writer.write(record.reason)
    writer.write(UInt8(0))
    writer.write(record.verdicts)
  }

  // MARK: Decoding

  /// The heartbeat in a datagram, or why it was refused.
  package func decode(_ datagram: UnsafeRawBufferPointer) throws(Refusal) -> Heartbeat {
    guard datagram.count >= Self.headerSize + KeyRing.macSize else { throw .truncated }
    let message = UnsafeRawBufferPointer(rebasing: datagram.dropLast(KeyRing.macSize))
    let mac = UnsafeRawBufferPointer(rebasing: datagram.suffix(KeyRing.macSize))
    var reader = ByteReader(message)
    guard reader.read() == Self.magic else { throw .foreign }
    guard reader.read() == Self.version else { throw .version }
    guard let keyID = reader.read(UInt8.self), keys.knows(keyID) else { throw .unknownKey }
    guard keys.verify(mac, of: message, keyID: keyID) else { throw .badMAC }
    guard let heartbeat = parse(&reader) else { throw .malformed }
    return heartbeat
  }

  /// The heartbeat in a datagram, or why it was refused.
  package func decode(_ datagram: [UInt8]) throws(Refusal) -> Heartbeat {
    try datagram.withUnsafeBytes { bytes in
      Result { () throws(Refusal) -> Heartbeat in try decode(bytes) }
    }.get()
  }

  /// Parses what follows the key id; the MAC has been found to hold.
  private func parse(_ reader: inout ByteReader) -> Heartbeat? {
    guard let flags = reader.read(UInt8.self), let path = reader.read(UInt8.self),
      let headerSize = reader.read(UInt16.self), let recordSize = reader.read(UInt16.self),
      headerSize >= Self.headerSize, recordSize >= Self.recordSize,
      let cluster = reader.read(UInt64.self), let sender = reader.read(UInt32.self),
      let receiver = reader.read(UInt32.self), let bootID = reader.read(UInt64.self),
      let receiverBootID = reader.read(UInt64.self), let sequence = reader.read(UInt64.self),
      let sentAt = reader.read(Int64.self), let echo = reader.read(Int64.self),
      let echoAge = reader.read(UInt32.self), let interval = reader.read(UInt32.self),
      let challenge = reader.read(UInt64.self), let response = reader.read(UInt64.self),
      let fingerprint = reader.read(UInt64.self), let major = reader.read(UInt8.self),
      let minor = reader.read(UInt8.self), let patch = reader.read(UInt8.self), let loss = reader.read(UInt8.self),
      let count = reader.read(UInt16.self), bootID != 0, sequence != 0,
      reader.skip(Int(headerSize) - reader.offset)
    else { return nil }
    var heartbeat = Heartbeat(
      cluster: cluster,
      sender: WireID(rawValue: sender),
      receiver: WireID(rawValue: receiver),
      bootID: bootID,
      receiverBootID: receiverBootID,
      path: path,
      sequence: sequence,
      sentAt: sentAt,
      echo: echo,
      echoAge: echoAge,
      challenge: challenge,
      response: response,
      loss: loss,
      interval: interval,
      flags: Heartbeat.Flags(rawValue: flags),
      version: Version(major, minor, patch),
      fingerprint: fingerprint,
      groups: []
    )
    guard reader.remaining >= Int(count) * Int(recordSize) else { return nil }
    heartbeat.groups.reserveCapacity(Int(count))
    for _ in 0..<count {
      let end = reader.offset + Int(recordSize)
      guard var record = parseRecord(&reader) else { return nil }
      if recordSize >= Self.longRecordSize, let verdicts = reader.read(UInt64.self), let list = reader.read(UInt32.self)
      {
        record.findings = Findings(verdicts: verdicts, list: WireID(rawValue: list))
      }
      guard reader.skip(end - reader.offset) else { return nil }
      heartbeat.groups.append(record)
    }
    return heartbeat
  }

  private func parseRecord(_ reader: inout ByteReader) -> GroupRecord? {
    guard let id = reader.read(UInt32.self), let state = reader.read(UInt8.self).flatMap(GroupState.init(rawValue:)),
      let flags = reader.read(UInt8.self), let priority = reader.read(UInt8.self),
      let effectivePriority = reader.read(UInt8.self), let term = reader.read(UInt64.self),
      let peer = reader.read(UInt32.self),
      let step = reader.read(UInt8.self).flatMap(HandoverStep.init(rawValue:)),
      let cause = reader.read(UInt8.self), let reason = reader.read(UInt8.self), reader.skip(1),
      let verdicts = reader.read(UInt64.self)
    else { return nil }
    // A cause only words a message: one from a newer version must not void the heartbeat.
    return GroupRecord(
      id: WireID(rawValue: id),
      state: state,
      term: term,
      priority: priority,
      effectivePriority: effectivePriority,
      isEligible: flags & 1 != 0,
      isClaiming: flags & 2 != 0,
      hearsClaim: flags & 4 != 0,
      handover: step,
      handoverPeer: WireID(rawValue: peer),
      cause: HandoverCause(rawValue: cause) ?? .operator,
      verdicts: verdicts,
      reason: reason
    )
  }
}
