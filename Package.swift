// swift-tools-version: 6.2
import PackageDescription

/// The settings every Swift target is compiled with (docs/architecture.md, "Strictness").
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Of the runtime itself: a start makes its generic types by their accessors, not by taking mangled names apart; each
/// function has a section of its own, to be placed by scripts/order; and nothing of regular expressions is linked.
let quick: [SwiftSetting] = [
  .unsafeFlags(
    [
      "-Xfrontend", "-disable-concrete-type-metadata-mangled-name-accessors", "-Xfrontend",
      "-function-sections",
    ], .when(configuration: .release)),
  .unsafeFlags(["-Xfrontend", "-disable-implicit-string-processing-module-import"]),
]

let nio = "swift-nio"

/// The base images, each a folder of `images` with a recipe.
let baseImages = [
  "debian-slim", "go", "java", "node", "php", "python", "ruby", "rust", "static", "swift-runtime",
]

/// What the tools of the checked projects say when they fail, each a file of `signatures` with its recorded logs.
let signatureFiles = [
  "celery", "django", "flask", "go", "granian", "gunicorn", "hypercorn", "libraries", "node", "npm",
  "numpy", "pip", "pydantic", "python", "services", "shell", "sqlalchemy", "uvicorn", "waitress",
]

let package = Package(
  name: "isolate",
  products: [
    .executable(name: "isolate", targets: ["isolate"]),
    .executable(name: "preflight", targets: ["preflight"]),
    .library(name: "Isolate", targets: ["Isolate"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // MARK: The runtime
    .target(
      name: "CShims",
      cSettings: [
        .define("_GNU_SOURCE"),
        .enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error),
      ],
      // Linked from the archive, so that neither program needs libseccomp.so where it is copied to.
      linkerSettings: [.linkedLibrary(":libseccomp.a")]
    ),
    .target(
      name: "Isolate", dependencies: ["CShims"], exclude: ["Command"], swiftSettings: strict + quick),
    .target(
      name: "CEntry",
      cSettings: [
        .define("ISL_STATIC", .when(configuration: .release)),
        .enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error),
      ]),
    .executableTarget(
      name: "isolate", dependencies: ["Isolate", "CShims", "CEntry"], path: "Sources/Isolate/Command",
      swiftSettings: strict + quick,
      linkerSettings: [
        .unsafeFlags(["-static-executable"], .when(configuration: .release)),
        // What a start executes lies side by side: scripts/order.
        .unsafeFlags(
          [
            "-use-ld=lld", "-Xlinker", "--no-warn-symbol-ordering", "-Xlinker",
            "--symbol-ordering-file=\(Context.packageDirectory)/scripts/lib/link/isolate.order",
          ], .when(configuration: .release)),
        // See Sources/CShims/startup.c and Sources/CEntry/entry.c.
        .unsafeFlags(
          [
            "-Xlinker", "--wrap=swift_copyAuxiliaryExecutablePath", "-Xlinker", "--wrap=fopen", "-Xlinker",
            "--wrap=isatty", "-Xlinker", "--wrap=swift_stdlib_random", "-Xlinker",
            "--wrap=__libc_start_main",
          ], .when(configuration: .release)),
      ]
    ),

    // MARK: The check
    .target(
      name: "SignatureFiles", path: "signatures", exclude: ["README.md"] + signatureFiles,
      sources: ["Embedded.swift"], resources: signatureFiles.map { .embedInCode("\($0).toml") },
      swiftSettings: strict),
    .target(
      name: "Formats", dependencies: ["Isolate", .product(name: "Yams", package: "Yams")],
      path: "Sources/Runner/Formats", swiftSettings: strict),
    .target(
      name: "Analysis", dependencies: ["Formats", "SignatureFiles"], path: "Sources/Runner/Analysis",
      swiftSettings: strict),
    .target(
      name: "Planning", dependencies: ["Analysis", "Formats", "Isolate"], path: "Sources/Runner/Planning",
      swiftSettings: strict),
    .target(
      name: "Ecosystems", dependencies: ["Planning", "Analysis", "Formats"],
      path: "Sources/Runner/Ecosystems", swiftSettings: strict),
    .target(
      name: "Egress",
      dependencies: [
        .product(name: "NIOCore", package: nio),
        .product(name: "NIOPosix", package: nio),
        .product(name: "NIOHTTP1", package: nio),
      ],
      path: "Sources/Runner/Egress", swiftSettings: strict),
    .target(
      name: "BaseImages", path: "images",
      exclude: ["README.md"] + baseImages.map { "\($0)/README.md" }, sources: ["Embedded.swift"],
      resources: baseImages.map { .embedInCode("\($0)/\($0).recipe") }, swiftSettings: strict),
    .target(
      name: "CDecompression", path: "Sources/Runner/Images/Decompression",
      cSettings: [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)],
      linkerSettings: [.linkedLibrary(":libz.a"), .linkedLibrary(":libzstd.a"), .linkedLibrary(":liblzma.a")]),
    .target(
      name: "CChecksum", path: "Sources/Runner/Images/Checksum",
      cSettings: [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)]),
    .target(
      name: "Images",
      dependencies: [
        "BaseImages", "CChecksum", "CDecompression", "CShims", "Isolate", "Formats", "Egress",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: nio), .product(name: "NIOPosix", package: nio),
        .product(name: "NIOHTTP1", package: nio), .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      path: "Sources/Runner/Images", exclude: ["Checksum", "Decompression"], swiftSettings: strict),
    .target(
      name: "CBench", dependencies: ["CShims"], path: "Sources/Runner/Bench/Measurement",
      cSettings: [
        .define("_GNU_SOURCE"),
        .enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error),
      ]),
    .target(
      name: "Bench", dependencies: ["CBench", "CShims", "Isolate", "Formats"], path: "Sources/Runner/Bench",
      exclude: ["Measurement"], swiftSettings: strict),
    .target(
      name: "Sandbox", dependencies: ["Isolate", "Egress", "Images", "Analysis", "Formats", "CShims"],
      path: "Sources/Runner/Sandbox", swiftSettings: strict),
    .target(
      name: "Reports", dependencies: ["Isolate", "Analysis", "Planning", "Ecosystems", "Formats"],
      path: "Sources/Runner/Reports",
      resources: ["page.css", "parts.css", "page.js", "log.js"].map { .embedInCode("HTML/\($0)") },
      swiftSettings: strict),
    .target(
      name: "Execution",
      dependencies: [
        "Isolate", "CShims", "Formats", "Analysis", "Planning", "Ecosystems", "Egress", "Images", "Sandbox",
        "Reports",
      ],
      path: "Sources/Runner/Execution", swiftSettings: strict),
    .target(
      name: "AI",
      dependencies: [
        "Isolate", "Analysis", "Planning", "Reports", "Formats", "Egress", "Images",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: nio), .product(name: "NIOHTTP1", package: nio),
      ],
      path: "Sources/Runner/AI", swiftSettings: strict),
    .executableTarget(
      name: "preflight",
      dependencies: [
        "AI", "Execution", "Reports", "Sandbox", "Isolate", "Formats", "Analysis", "Planning", "Ecosystems",
        "Egress",
        "Images", "Bench", "CShims",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/Runner/Command", swiftSettings: strict,
      linkerSettings: [
        .unsafeFlags(
          [
            "-static-stdlib",
            // Packages that ask for zlib get its archive, so that no shared library is needed.
            "-L\(Context.packageDirectory)/scripts/lib/link",
            // Swift 6.3 does not name these archives by itself when Foundation is linked statically.
            "-lCoreFoundation", "-l_FoundationCShims", "-l_FoundationCollections", "-l_FoundationICU",
          ], .when(configuration: .release))
      ]
    ),

    // MARK: Tests
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(
      name: "IsolateTests", dependencies: ["Isolate", "CShims", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "IsolateKernelTests", dependencies: ["Isolate", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "AnalysisTests",
      dependencies: ["Analysis", "Ecosystems", "Formats", "Reports", "SignatureFiles", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "PlanningTests", dependencies: ["Planning", "Ecosystems", "Analysis", "Formats", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "ImagesTests", dependencies: ["Images", "CShims", "Isolate", "Formats", "TestSupport"],
      swiftSettings: strict
    ),
    .testTarget(
      name: "EgressTests",
      dependencies: [
        "Egress", "TestSupport", .product(name: "NIOPosix", package: nio),
        .product(name: "NIOCore", package: nio),
      ], swiftSettings: strict),
    .testTarget(
      name: "AITests",
      dependencies: [
        "AI", "Analysis", "Ecosystems", "Formats", "Planning", "Reports", "TestSupport",
        .product(name: "NIOCore", package: nio), .product(name: "NIOPosix", package: nio),
        .product(name: "NIOHTTP1", package: nio),
      ], swiftSettings: strict),
    .testTarget(
      name: "BenchTests", dependencies: ["Bench", "Isolate", "Formats", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "RunnerTests",
      dependencies: [
        "Execution", "Reports", "Sandbox", "Isolate", "Formats", "Analysis", "Planning", "Ecosystems",
        "Egress",
        "Images", "TestSupport",
      ],
      swiftSettings: strict),
  ]
)
