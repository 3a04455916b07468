/// How the page looks, by day and by night.
enum BenchPageStyle {
  static let sheet = """
    :root{color-scheme:light dark;--ground:#fff;--card:#f6f7f9;--ink:#14181f;--soft:#5a6473;--edge:#e0e4ea;
    --track:#e7eaef;--isolate:#0b7a4b;--bubblewrap:#3b6fd4;--crun:#b2741a;--runc:#a33b7b;--podman:#7447c2;
    --unshare:#4f7f8f;--bare:#8a93a1;--bad:#b3261e}
    @media (prefers-color-scheme:dark){:root{--ground:#0f1216;--card:#171b21;--ink:#e8ebf0;--soft:#9aa5b4;
    --edge:#2a313b;--track:#262c35;--isolate:#34c98a;--bubblewrap:#7aa5ff;--crun:#e2a548;--runc:#e07bb8;
    --podman:#ab86f2;--unshare:#83b6c6;--bare:#77818f;--bad:#ff8a80}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",
    "DejaVu Sans",sans-serif}
    main{max-width:60rem;margin:0 auto;padding:2rem 1rem 4rem}
    h1{font-size:clamp(1.6rem,5vw,2.3rem);line-height:1.15;margin:0 0 .75rem;letter-spacing:-.02em}
    h2{font-size:1.25rem;margin:0}h3{font-size:.95rem;margin:1rem 0 .35rem;color:var(--soft);font-weight:600}
    .lead{font-size:1.15rem;margin:0 0 .75rem}.facts{margin:0 0 1rem;padding-left:1.2rem}
    .machine,.about,.note{color:var(--soft);font-size:.9rem;margin:.25rem 0 1rem;overflow-wrap:anywhere}
    section{background:var(--card);border:1px solid var(--edge);border-radius:12px;padding:1.1rem 1.2rem;
    margin-top:1.25rem}
    svg{display:block;overflow:visible}svg text{fill:var(--ink);font-size:14px}
    svg .value{text-anchor:end;font-variant-numeric:tabular-nums}svg .name{font-weight:600}
    svg .remark{font-weight:400;fill:var(--soft);font-size:12px}
    svg .mark{text-anchor:middle;fill:var(--soft);font-size:12px}
    .track{fill:var(--track)}.range{stroke:var(--ink);stroke-width:1.5;opacity:.75}
    .grid{stroke:var(--edge)}.one{stroke:var(--soft);stroke-dasharray:4 3}
    .point{stroke:var(--card);stroke-width:1.5}
    .isolate{fill:var(--isolate);background:var(--isolate)}.bare{fill:var(--bare);background:var(--bare)}
    .bubblewrap{fill:var(--bubblewrap);background:var(--bubblewrap)}.crun{fill:var(--crun);background:var(--crun)}
    .runc{fill:var(--runc);background:var(--runc)}.podman{fill:var(--podman);background:var(--podman)}
    .unshare{fill:var(--unshare);background:var(--unshare)}
    .legend{display:flex;flex-wrap:wrap;gap:.4rem 1rem;margin:.25rem 0 .75rem;font-size:.9rem}
    .legend i{display:inline-block;width:.7rem;height:.7rem;border-radius:50%;margin-right:.4rem}
    .pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr));gap:0 2rem}
    .scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;margin-top:.5rem;width:100%;
    font-variant-numeric:tabular-nums}
    th,td{padding:.3rem .6rem;border-bottom:1px solid var(--edge);text-align:right;white-space:nowrap}
    th:first-child{text-align:left;padding-left:0}thead th{color:var(--soft);font-weight:600}
    details{margin-top:.5rem}summary{cursor:pointer;color:var(--soft);font-size:.9rem}
    dt{font-weight:600;margin-top:.9rem}dt small{font-weight:400;color:var(--soft)}dd{margin:0}dd p{margin:.2rem 0}
    pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--ground);border:1px solid var(--edge);
    border-radius:8px;padding:.5rem .7rem;margin:.4rem 0;font-size:.82rem}
    .failure{color:var(--bad)}ul{padding-left:1.2rem}li{margin:.25rem 0}
    @media (max-width:34rem){svg .remark{display:none}section{padding:1rem .9rem}}
    @media print{section{break-inside:avoid}}
    """
}
