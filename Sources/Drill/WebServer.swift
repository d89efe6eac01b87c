// A small HTTP server for machines without nginx: enough for a health check and a thousand short requests a second.

import CLinux
import Glibc

/// Answers every GET with a host's name, over connections that stay open.
package enum WebServer {
  /// Serves until killed.
  ///
  /// - Parameters:
  ///   - name: What to answer.
  ///   - sickness: While a file with this path exists, `/health` is answered with 500.
  package static func serve(name: String, sickness: String) throws(DrillError) -> Never {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
    guard listener >= 0 else { throw .system("open", "a socket") }
    var yes: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout.size(ofValue: yes)))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = Service.port.bigEndian
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard bound == 0, listen(listener, 4_096) == 0 else { throw .system("listen on", "port \(Service.port)") }

    var polled = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
    while true {
      poll(&polled, nfds_t(polled.count), -1)
      for index in polled.indices.dropFirst().reversed() where polled[index].revents != 0 {
        if !answer(polled[index].fd, name: name, sickness: sickness) {
          close(polled[index].fd)
          polled.remove(at: index)
        }
      }
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { break }
        _ = fcntl(connection, F_SETFL, O_NONBLOCK)
        polled.append(pollfd(fd: connection, events: Int16(POLLIN), revents: 0))
      }
    }
  }

  /// Answers what a connection has to ask. Requests are small and come whole.
  ///
  /// - Returns: Whether the connection stays open.
  private static func answer(_ connection: Int32, name: String, sickness: String) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 2_048, alignment: 1) { buffer in
      let count = recv(connection, buffer.baseAddress, buffer.count, 0)
      if count < 0 { return errno == EAGAIN }
      guard count > 0 else { return false }
      let request = buffer[..<count]
      let isSick = request.starts(with: "GET /health ".utf8) && access(sickness, F_OK) == 0
      let status = isSick ? "500 Internal Server Error" : "200 OK"
      let reply = Array("HTTP/1.1 \(status)\r\nContent-Length: \(name.utf8.count + 1)\r\n\r\n\(name)\n".utf8)
      guard send(connection, reply, reply.count, Int32(MSG_NOSIGNAL)) == reply.count else { return false }
      // HTTP/1.0 closes: the check script of keepalived reads until the end.
      return !request.prefix { $0 != UInt8(ascii: "\r") }.suffix(3).elementsEqual("1.0".utf8)
    }
  }
}
