import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server of a test's own that plays an AI: it writes down what it is asked and answers as it is told.
final class AIServer: Sendable {
  struct Request: Sendable {
    var method: String
    var path: String
    var headers: HTTPHeaders
    var body: String
  }

  /// A part of an answer.
  enum Step: Sendable {
    case head(Int, [String: String])
    case text(String)
    /// The rest never comes: comments are sent, one every 20 ms, until the client goes.
    case drip
    /// The connection is closed in the middle of the answer.
    case cut
  }

  private let requests = Mutex<[Request]>([])
  private let channel: any Channel

  /// `answer` is told how many requests there were before.
  init(_ answer: @escaping @Sendable (Request, Int) -> [Step]) async throws {
    let box = Box()
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(
            Handler { request in
              guard let server = box.server.withLock({ $0.value }) else { return [.cut] }
              let before = server.requests.withLock { requests in
                defer { requests.append(request) }
                return requests.count
              }
              return answer(request, before)
            })
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    box.server.withLock { $0.value = self }
  }

  /// Always the same answer.
  convenience init(_ steps: [Step]) async throws { try await self.init { _, _ in steps } }

  deinit { channel.close(promise: nil) }

  var port: Int { channel.localAddress?.port ?? 0 }
  var url: String { "http://127.0.0.1:\(port)" }
  var received: [Request] { requests.withLock { $0 } }

  private final class Box: Sendable {
    struct Weak { weak var value: AIServer? }
    let server = Mutex(Weak())
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: @Sendable (Request) -> [Step]
    private var request = Request(method: "", path: "", headers: [:], body: "")

    init(_ answer: @escaping @Sendable (Request) -> [Step]) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        request = Request(method: head.method.rawValue, path: head.uri, headers: head.headers, body: "")
      case .body(let buffer): request.body += String(buffer: buffer)
      case .end: carryOut(answer(request), context)
      }
    }

    private func carryOut(_ steps: [Step], _ context: ChannelHandlerContext) {
      let channel = context.channel
      func send(_ part: HTTPServerResponsePart) { channel.writeAndFlush(part, promise: nil) }
      for step in steps {
        switch step {
        case .head(let status, let fields):
          var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status))
          for (name, value) in fields { head.headers.add(name: name, value: value) }
          send(.head(head))
        case .text(let text): send(.body(.byteBuffer(ByteBuffer(string: text))))
        case .drip:
          context.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(20)) { task in
            guard channel.isActive else { return task.cancel() }
            let part = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: ": wait\n\n")))
            channel.writeAndFlush(part, promise: nil)
          }
          return
        case .cut:
          channel.close(promise: nil)
          return
        }
      }
      send(.end(nil))
    }
  }
}
