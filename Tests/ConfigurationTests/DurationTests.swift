// Durations: what is read, what is written, and that the two agree.

import Configuration
import Testing

@Test(arguments: [
  ("100ms", Duration.milliseconds(100)), ("5s", .seconds(5)), ("1m", .seconds(60)), ("1h", .seconds(3600)),
  ("250us", .microseconds(250)), ("0s", .zero), ("1.5s", .milliseconds(1500)), ("0.5us", .nanoseconds(500)),
  ("0.25h", .seconds(900)),
])
func `durations are read with their unit`(text: String, duration: Duration) throws {
  #expect(try DurationText.parse(text) == duration)
}

@Test(arguments: [
  ("100", "write `100ms` or `100s`"), ("0", "write `0s`"), ("1.5", "write `1.5s`"), ("5 s", "write `5s`"),
  ("5sec", "write `5s`"), ("10min", "write `10m`"), ("5S", "write `5s`"), ("2 hours", "write `2h`"),
  ("10µs", "write `10us`"), ("5x", "the units are `us`, `ms`, `s`, `m` and `h`, as in `100ms`"),
  ("1m30s", "the units are `us`, `ms`, `s`, `m` and `h`, as in `100ms`"),
  ("", "write, for example, `100ms` or `5s`"), ("s", "write, for example, `100ms` or `5s`"),
  ("-5s", "write, for example, `100ms` or `5s`"), ("1.2.3s", "write, for example, `100ms` or `5s`"),
  ("٣s", "write, for example, `100ms` or `5s`"), (".5s", "write, for example, `100ms` or `5s`"),
])
func `a text that is no duration is answered with how to write one`(text: String, way: String) {
  let error = #expect(throws: UnreadableText.self) { try DurationText.parse(text) }
  #expect(error?.suggestion == way)
}

@Test(arguments: ["9999999999999999999s", "9223372036854775807s", "3000000h", "0.0001us", "1.0000000001s"])
func `durations that 64 bits of nanoseconds cannot hold are refused`(text: String) {
  #expect(throws: UnreadableText.self) { try DurationText.parse(text) }
}

@Test(arguments: [
  (Duration.zero, "0s"), (.milliseconds(100), "100ms"), (.seconds(90), "90s"), (.seconds(60), "1m"),
  (.seconds(86_400), "24h"), (.nanoseconds(1), "0.001us"), (.nanoseconds(1_234_567), "1234.567us"),
])
func `durations are written as they are read`(duration: Duration, text: String) throws {
  #expect(DurationText.format(duration) == text)
  #expect(try DurationText.parse(text) == duration)
}
