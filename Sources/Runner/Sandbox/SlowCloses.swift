import Glibc
import Isolate

/// Closes descriptors that take long, each in a thread of its own; all are closed when the object goes away.
///
/// The kernel releases a packet socket when no processor can be about to put a packet into it (packet_release calls
/// synchronize_net, net/packet/af_packet.c). That takes 15 to 60 milliseconds, in which the findings can be
/// made, and the run's folder removed.
package final class SlowCloses {
  private var threads: [JoinedThread] = []

  /// Begins to close; where no thread can be made, it is done at once.
  func close(_ descriptor: consuming OwnedDescriptor) {
    let number = descriptor.release()
    if let thread = try? JoinedThread({ _ = Glibc.close(number) }) {
      threads.append(thread)
    } else {
      _ = Glibc.close(number)
    }
  }
}
