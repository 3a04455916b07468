import Ecosystems
import Formats
import Planning
import Testing

private let program = "package main\n\nfunc main() {}\n"

@Suite("A Go module's plan")
struct GoPlanTests {
  @Test(
    "builds the program of the root, else one below cmd/, first the one that is called like the module",
    arguments: [
      (["main.go": program], "bin/shop", "."),
      (["cmd/worker/main.go": program, "cmd/shop/main.go": program], "bin/shop", "./cmd/shop"),
      (["cmd/worker/main.go": program, "cmd/api/main.go": program], "bin/api", "./cmd/api"),
      (["main.go": program, "cmd/api/main.go": program], "bin/shop", "."),
      // What `go build ./...` passes over is no program, nor is a test or an ignored file.
      (
        [
          "vendor/x/main.go": program, "cmd/_old/main.go": program,
          "tool.go": "//go:build ignore\n" + program,
          "main_test.go": program, "cmd/api/main.go": program,
        ], "bin/api", "./cmd/api"
      ),
    ] as [([String: String], String, String)])
  func programs(_ files: [String: String], _ start: String, _ folder: String) throws {
    let tree = files.merging(["go.mod": "module example.org/shop/v2\n\ngo 1.19\n"]) { $1 }
    let plan = try ProjectTree(tree).plan()
    #expect(plan.start.displayed == start && plan.build == [["go", "build", "-o", start, folder]])
    #expect(plan.requestedRuntimeVersion?.version == ">=1.19")
  }

  @Test("without a program has nothing to start, and says where one was looked for")
  func none() {
    #expect(throws: Failure.self) {
      try ProjectTree(["go.mod": "module example.org/shop\n", "shop.go": "package shop\n"]).plan()
    }
  }

  @Test("fetches what go.mod requires, unless it is vendored; a comment requires nothing")
  func modules() throws {
    func install(_ files: [String: String]) throws -> [[String]] {
      try ProjectTree(["main.go": program].merging(files) { $1 }).plan().install
    }
    let required = """
      module x
      require (
      \tgithub.com/gin-gonic/gin v1.9.1
      \texample.org/y v1.0.0 // indirect
      )

      """
    #expect(try install(["go.mod": required]) == [["go", "mod", "download"]])
    #expect(try install(["go.mod": required, "vendor/modules.txt": "# x\n"]) == [])
    #expect(try install(["go.mod": "module x\n// require example.org/y v1.0.0\n"]) == [])
    let plan = try ProjectTree(["main.go": program, "go.mod": required]).plan()
    #expect(plan.framework == "gin" && plan.declaredDependencies == ["github.com/gin-gonic/gin"])
  }
}
