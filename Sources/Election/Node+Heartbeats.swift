// Heartbeats in and out: admission, liveness, what peers say of groups, and what this node says.

extension Node {
  /// The most group records that fit into one heartbeat: with 40 of them a datagram stays below an Ethernet MTU of
  /// 1500 bytes over IPv6, and with 29 if they say besides what is found of the receiver's service.
  package static let maximumRecords = 40
  package static let maximumLongRecords = 29
  /// How many heartbeats come early after a change was told.
  static let repetitionsOfChange = 2
  /// How many come early after a peer was admitted: it waits to hear who is master.
  static let repetitionsOfAdmission = 10
  /// How early they come.
  static let repetitionDelay: Duration = .milliseconds(20)

  // MARK: In

  mutating func receive(
    _ heartbeat: Heartbeat,
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int],
    using generator: inout some RandomNumberGenerator
  ) {
    guard heartbeat.cluster == settings.clusterID, heartbeat.receiver == ids[settings.here],
      let index = sessions.firstIndex(where: { $0.id == heartbeat.sender }),
      Int(heartbeat.path) < sessions[index].paths.count
    else {
      rejected.misaddressed += 1
      return
    }
    let before = Standing(sessions[index])
    let path = Int(heartbeat.path)
    // What an agent that was away reads now may have waited for it: its round trip would measure the absence.
    switch sessions[index].receive(heartbeat, ownLife: bootID, at: now, isPrompt: doubtUntil == nil) {
    case .replayed:
      rejected.replayed += 1
      return
    case .obituary:
      outbox.journal(.peerObituary(node: names[sessions[index].node]))
    case .unknownLife:
      rejected.unknownLife += 1
      let nonce = sessions[index].admissionChallenge(at: now, using: &generator)
      // On all paths: the one that it is heard by may lead in that direction only, and another in the other.
      for path in sessions[index].paths.indices {
        send([], to: index, path: path, challenge: nonce, response: heartbeat.challenge, at: now, &outbox)
      }
      return
    case .admitted(let restarted):
      noteAdmission(of: index, restarted: restarted, at: now, &outbox, &dirty)
      // What a leaving node says of its groups ends with it.
      if !heartbeat.flags.contains(.leaving) { hear(heartbeat, from: index, at: now, &outbox, &dirty) }
      // The new life gets to know everything at once, and again.
      repetitions = Self.repetitionsOfAdmission
      let nonce = heartbeat.challenge
      for path in sessions[index].paths.indices {
        sendAll(to: index, path: path, response: nonce, at: now, &outbox)
      }
    case .accepted(let isNewest):
      if heartbeat.challenge != 0 {
        send([], to: index, path: path, response: heartbeat.challenge, at: now, &outbox)
      }
      if isNewest, !heartbeat.flags.contains(.leaving) { hear(heartbeat, from: index, at: now, &outbox, &dirty) }
      if heartbeat.flags.contains(.asks) {
        dirty += heartbeat.groups.compactMap { self.index(of: $0.id) }
        if heartbeat.groups.contains(where: { hasDeparted($0.id) }) { repeatSoon(at: now) }
      }
    }
    if heartbeat.flags.contains(.leaving) { sessions[index].left(at: now) }
    noteStanding(of: index, since: before, at: now, &outbox, &dirty)
  }

  private mutating func noteAdmission(
    of index: Int,
    restarted: Bool,
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int]
  ) {
    guard restarted else { return }
    let node = sessions[index].node
    outbox.journal(.peerRestarted(node: names[node]))
    for group in groups.indices { groups[group].peerRestarted(node) }
  }

  private mutating func hear(
    _ heartbeat: Heartbeat,
    from index: Int,
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int]
  ) {
    let node = sessions[index].node
    let standing = Standing(sessions[index])
    let said = sessions[index].timeOfWriting(heartbeat, at: now)
    var changed: [Int] = []
    for record in heartbeat.groups {
      guard let group = self.index(of: record.id) else { continue }
      // Conclusions need the liveness that this heartbeat has just proved.
      groups[group].noteStanding(standing, of: node)
      if groups[group].hear(record, from: node, said: said, answering: Instant(nanoseconds: heartbeat.echo)) {
        changed.append(group)
      } else if record.handover == .release, record.handoverPeer == ids[settings.here] {
        // The old master has not seen the answer yet.
        dirty.append(group)
      }
    }
    if !changed.isEmpty { update(changed, at: now, &outbox, &dirty) { _, _, _ in } }
  }

  /// Has every group learn how a peer stands, if that has changed.
  private mutating func noteStanding(
    of index: Int,
    since before: Standing,
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int]
  ) {
    let standing = Standing(sessions[index])
    guard standing != before else { return }
    let node = sessions[index].node
    if standing.isAlive, !before.isAlive { outbox.journal(.peerAlive(node: names[node])) }
    if before.isAlive, standing.death == .farewell { outbox.journal(.peerLeft(node: names[node])) }
    updateAll(at: now, &outbox, &dirty) { group, world, _ in
      group.noteStanding(standing, of: node)
      if !standing.isAlive { group.forget(node, death: standing.death, name: world.names[node]) }
    }
  }

  // MARK: Time

  /// Notices that the agent itself was late, before anything is concluded from the silence of others or said to them.
  mutating func noticeLateness(at now: Instant, _ outbox: inout Outbox, _ dirty: inout [Int]) {
    guard let deadline = nextDeadline else { return }
    let lateness = now - deadline
    let isOver = lease.ends.map { now >= $0 } ?? false
    // An agent that hung before it sent what it had written may be only a little late by its own timers, and the others have
    // counted it out and moved a group.
    // Once in an interval: one that is always late must not read for ever.
    if lateness > Timing.catchingUp, catchesUpUntil.map({ now > $0 + timing.interval }) ?? true {
      catchesUpUntil = now + Timing.catchingUp
    }
    guard lateness > min(timing.interval, Surroundings.stepDeadline / 2) || isOver else { return }
    if isLateNoted {
      // Away again, or still reading what queued up: until the timer has fired, nothing is concluded from old mail. But the
      // lease may have run out only now.
      doubtUntil = now + timing.detectionTime()
      guard isOver else { return }
    } else {
      outbox.journal(.late(lateness))
      doubtItself(at: now)
    }
    // What was being taken may have been taken back: nobody has heard of it if the agent hung before it said so.
    let isLost = { (group: Group) in isOver && group.needsLease || group.isAcquiring }
    if groups.contains(where: isLost) { noteLapse(at: now, &outbox) }
    updateAll(at: now, &outbox, &dirty) { group, world, outbox in
      if isLost(group) { group.stepDown(because: .late(lateness), world, &outbox) }
    }
  }

  /// Whoever was late promotes nothing for a detection time, and judges nobody by a silence that may be its own.
  mutating func doubtItself(at now: Instant) {
    // Once for one absence, whatever has queued up meanwhile.
    isLateNoted = true
    timesLate += 1
    doubtUntil = now + timing.detectionTime()
    for index in sessions.indices { sessions[index].restartSuspicion(at: now) }
  }

  /// Does what is due by now.
  mutating func passTime(
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int],
    using generator: inout some RandomNumberGenerator
  ) {
    isLateNoted = false
    if let until = maintenance.until, now >= until {
      setMaintenance(false, until: nil, at: now, &outbox, &dirty)
    }
    for index in sessions.indices {
      let before = Standing(sessions[index])
      switch sessions[index].judge(at: now) {
      case .none:
        continue
      case .challenge:
        for path in sessions[index].paths.indices {
          let nonce = UInt64.random(in: 1...UInt64.max, using: &generator)
          send([], to: index, path: path, challenge: nonce, at: now, &outbox)
        }
      case .dead(let silence, let challenges):
        let name = names[sessions[index].node]
        outbox.journal(.peerDead(node: name, silence: silence, challenges: challenges))
        noteStanding(of: index, since: before, at: now, &outbox, &dirty)
      }
    }
    if let doubt = doubtUntil, now >= doubt {
      doubtUntil = nil
      updateAll(at: now, &outbox, &dirty) { _, _, outbox in outbox.isDirty = true }
    }
    let due = groups.indices.filter { groups[$0].nextDeadline.map { $0 <= now } ?? false }
    if !due.isEmpty { update(due, at: now, &outbox, &dirty) { _, _, _ in } }
    if let heartbeatAt, now >= heartbeatAt { beat(at: now, &outbox, &dirty, using: &generator) }
  }

  /// Sends the regular heartbeat, and sets the time of the next: a little early, so that nodes do not fall into step.
  mutating func beat(
    at now: Instant,
    _ outbox: inout Outbox,
    _ dirty: inout [Int],
    using generator: inout some RandomNumberGenerator
  ) {
    isMute = false
    if !dirty.isEmpty { repetitions = max(repetitions, Self.repetitionsOfChange) }
    if let pace, now >= pace.until { self.pace = nil }
    var interval = timing.interval
    if repetitions > 0 { interval = min(interval, Self.repetitionDelay) }
    if let hurriesUntil, now < hurriesUntil, groups.contains(where: \.isListening) {
      interval = min(interval, max(interval / 16, .milliseconds(5)))
    }
    repetitions = max(repetitions - 1, 0)
    heartbeatAt = now + interval.scaled(by: Double.random(in: Timing.earliest...1, using: &generator))
    dirty.removeAll()
    for index in sessions.indices {
      var challenge: UInt64 = 0
      let session = sessions[index]
      let isStrange = session.lastStranger.map { now - $0 < session.timing.detectionTime() } ?? false
      if session.bootID == nil || isStrange {
        challenge = sessions[index].admissionChallenge(at: now, using: &generator)
      }
      for path in session.paths.indices {
        sendAll(to: index, path: path, challenge: challenge, at: now, &outbox)
      }
    }
    renewLease(at: now, &outbox)
  }

  // MARK: Out

  /// Tells all peers at once about groups that changed.
  mutating func tell(
    _ dirty: [Int],
    at now: Instant,
    _ outbox: inout Outbox,
    using generator: inout some RandomNumberGenerator
  ) {
    guard !dirty.isEmpty, !isMute, heartbeatAt != nil else { return }
    // Any one datagram may get lost.
    repeatSoon(at: now)
    let world = surroundings(at: now)
    let subjects = Set(dirty).sorted()
    let flags: Heartbeat.Flags = subjects.contains { groups[$0].isAsking } ? .asks : []
    for index in subjects { groups[index].isAsking = false }
    for index in sessions.indices {
      let records = subjects.map { groups[$0].record(world, to: sessions[index].node) }
      for path in sessions[index].paths.indices {
        send(records, to: index, path: path, flags: flags, at: now, &outbox)
      }
    }
  }

  /// Has the next regular heartbeat, which may be a minute away, come soon, and so those after it.
  mutating func repeatSoon(at now: Instant) {
    repetitions = max(repetitions, Self.repetitionsOfChange)
    heartbeatAt = heartbeatAt.map { min($0, now + Self.repetitionDelay) }
  }

  mutating func sendAll(
    to index: Int,
    path: Int,
    challenge: UInt64 = 0,
    response: UInt64 = 0,
    flags: Heartbeat.Flags = [],
    at now: Instant,
    _ outbox: inout Outbox
  ) {
    let world = surroundings(at: now)
    var records = groups.map { $0.record(world, to: sessions[index].node) }
    records += lastWords
    send(
      records,
      to: index,
      path: path,
      challenge: challenge,
      response: response,
      flags: flags,
      at: now,
      &outbox
    )
  }

  private mutating func send(
    _ records: [GroupRecord],
    to index: Int,
    path: Int,
    challenge: UInt64 = 0,
    response: UInt64 = 0,
    flags: Heartbeat.Flags = [],
    at now: Instant,
    _ outbox: inout Outbox
  ) {
    guard !isMute else { return }
    var heartbeat = blankHeartbeat
    (heartbeat.challenge, heartbeat.response, heartbeat.flags) = (challenge, response, flags)
    if maintenance.isOn { heartbeat.flags.insert(.maintenance) }
    let most = records.contains { $0.findings != nil } ? Self.maximumLongRecords : Self.maximumRecords
    var rest = records[...]
    repeat {
      heartbeat.groups = Array(rest.prefix(most))
      rest = rest.dropFirst(most)
      sessions[index].stamp(&heartbeat, path: path, at: now)
      outbox.effects.append(.send(heartbeat, to: sessions[index].node))
    } while !rest.isEmpty
  }

  /// What every heartbeat of this node says.
  var blankHeartbeat: Heartbeat {
    Heartbeat(
      cluster: settings.clusterID,
      sender: ids[settings.here],
      receiver: .none,
      bootID: bootID,
      receiverBootID: 0,
      path: 0,
      sequence: 0,
      sentAt: 0,
      echo: 0,
      echoAge: 0,
      challenge: 0,
      response: 0,
      loss: 0,
      interval: UInt32(clamping: (pace?.longest ?? settings.interval).nanoseconds / 1000),
      flags: [],
      version: .current,
      fingerprint: fingerprint,
      groups: []
    )
  }
}
