// The log: lines lie as text in script elements that are no scripts; only those in view become elements.
'use strict';
const Log = (() => {
  const source = document.getElementById('log-data');
  const view = document.getElementById('log-view');
  if (!source || !view) return null;
  const data = JSON.parse(source.textContent);
  const elements = document.querySelectorAll('script.log-part');
  const space = view.querySelector('.log-space');
  const rows = view.querySelector('.log-rows');
  const MOST_HITS = 100000;
  // Browsers cannot lay out more than some 17 million pixels.
  const MOST_PIXELS = 15e6;
  const total = data.parts.reduce((sum, part) => sum + part[0], 0);
  const firsts = [];
  data.parts.reduce((sum, part) => { firsts.push(sum); return sum + part[0]; }, 0);
  const texts = [];
  const indexes = [];
  const marks = new Map(data.marks);
  let query = '';
  let selected = -1;
  let first = 0;
  let written = -1;
  let rowHeight = 24;

  // Line numbers on the page count lines that were left out too.
  const [gapAt, gapLines] = data.gap.length ? data.gap : [Infinity, 0];
  const numberOf = (index) => index + 1 + (index >= gapAt ? gapLines : 0);
  const indexOf = (number) => {
    const index = number - 1;
    if (index < gapAt) return index;
    return index < gapAt + gapLines ? -1 : index - gapLines;
  };
  const text = (part) => (texts[part] ??= elements[part].textContent);
  const decode = (html) => html.includes('&')
    ? html.replaceAll('&lt;', '<').replaceAll('&Tab;', '\t').replaceAll('&amp;', '&') : html;
  const encode = (plain) => plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('\t', '&Tab;');
  const last = (list, wanted) => {
    let [low, high] = [0, list.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (list[middle] <= wanted) low = middle; else high = middle - 1;
    }
    return low;
  };

  // Where the lines of a part begin, and their times; made when it is first shown.
  function indexPart(part) {
    if (indexes[part]) return indexes[part];
    const all = text(part);
    const count = data.parts[part][0];
    const begins = new Uint32Array(count + 1);
    const times = new Uint32Array(count);
    let position = 0;
    let time = data.parts[part][1];
    for (let line = 0; line < count; line++) {
      begins[line] = position;
      let delta = 0;
      let at = position + 1;
      for (let code = all.charCodeAt(at); code !== 32; code = all.charCodeAt(++at)) {
        delta = delta * 36 + (code < 58 ? code - 48 : code - 87);
      }
      time += delta;
      times[line] = time;
      position = all.indexOf('\n', at) + 1;
    }
    begins[count] = position;
    return (indexes[part] = { begins, times });
  }

  function line(index) {
    const part = last(firsts, index);
    const { begins, times } = indexPart(part);
    const inner = index - firsts[part];
    const raw = text(part).slice(begins[inner], begins[inner + 1] - 1);
    const space = raw.indexOf(' ');
    return { isError: raw[0] === 'e', time: times[inner], text: decode(raw.slice(space + 1)) };
  }
  const starts = data.sources.map((one) => Number(one[0]));
  const sourceOf = (index) => data.sources[last(starts, index)][1];

  // How many lines fit, and how a scroll bar of bounded height maps to them.
  const fitting = () => Math.max(1, Math.floor(view.clientHeight / rowHeight));
  const isScaled = () => total * rowHeight > MOST_PIXELS;
  const height = () => Math.min(total * rowHeight, MOST_PIXELS);
  const topmost = () => Math.max(0, total - fitting());
  const room = () => Math.max(1, height() - view.clientHeight);

  function make(tag, name, content) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (content !== undefined) element.textContent = content;
    return element;
  }
  function highlighted(code, plain) {
    const [low, wanted] = [plain.toLowerCase(), query.toLowerCase()];
    let from = 0;
    for (let at = low.indexOf(wanted); at >= 0 && low.length === plain.length; at = low.indexOf(wanted, from)) {
      code.append(plain.slice(from, at), make('mark', '', plain.slice(at, at + wanted.length)));
      from = at + wanted.length;
    }
    code.append(plain.slice(from));
  }
  const seconds = (time) => (time / 1000).toFixed(3);

  function row(index) {
    const { isError, time, text: plain } = line(index);
    const number = numberOf(index);
    const item = make('li', isError ? 'e' : '');
    item.dataset.index = index;
    item.setAttribute('aria-posinset', index + 1);
    item.setAttribute('aria-setsize', total);
    if (index === selected) { item.classList.add('here'); item.setAttribute('aria-current', 'true'); }
    const link = make('a', 'n', number);
    link.href = '#log-' + number;
    link.tabIndex = -1;
    if (index === gapAt) link.title = gapLines + ' lines before this one were not kept';
    const code = make('code');
    if (query) highlighted(code, plain); else code.textContent = plain;
    item.append(link, make('span', data.timed ? 't' : 'untimed', seconds(time)));
    if (isError) item.append(make('span', 'hidden', 'stderr: '));
    if (starts.includes(index)) item.append(make('span', 'from', sourceOf(index)));
    item.append(code);
    if (marks.has(number)) {
      item.classList.add('marked');
      const back = make('a', 'back', '← finding ' + marks.get(number));
      back.href = '#finding-' + marks.get(number);
      item.append(back);
    }
    return item;
  }

  function draw() {
    const begin = Math.max(0, Math.floor(first) - 10);
    const end = Math.min(total, Math.floor(first) + fitting() + 12);
    const fragment = document.createDocumentFragment();
    for (let index = begin; index < end; index++) fragment.append(row(index));
    rows.replaceChildren(fragment);
    const top = isScaled() ? view.scrollTop - (first - begin) * rowHeight : begin * rowHeight;
    rows.style.transform = `translateY(${Math.min(top, height() - (end - begin) * rowHeight)}px)`;
  }

  // Goes to a line by hand: the scroll bar follows.
  function go(index) {
    first = Math.min(Math.max(0, index), topmost());
    view.scrollTop = written = isScaled() ? Math.round(first / Math.max(1, topmost()) * room()) : first * rowHeight;
    written = view.scrollTop;
    draw();
  }
  view.addEventListener('scroll', () => {
    if (view.scrollTop === written) { if (!isScaled()) draw(); return; }
    written = view.scrollTop;
    first = isScaled() ? Math.round(view.scrollTop / room() * topmost()) : view.scrollTop / rowHeight;
    draw();
  }, { passive: true });
  view.addEventListener('wheel', (event) => {
    if (!isScaled() || event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
    const target = first + event.deltaY * (event.deltaMode === 1 ? 1 : 1 / rowHeight);
    if ((target < 0 && first <= 0) || (target > topmost() && first >= topmost())) return;
    event.preventDefault();
    go(target);
  }, { passive: false });
  view.addEventListener('keydown', (event) => {
    const page = fitting() - 2;
    const target = {
      ArrowDown: first + 1, ArrowUp: first - 1, PageDown: first + page, PageUp: first - page, Home: 0, End: total,
    }[event.key];
    if (target === undefined || event.target !== view || event.altKey || event.metaKey) return;
    event.preventDefault();
    go(Math.floor(target));
  });

  const detail = document.getElementById('log-line');
  function select(index, isSilent) {
    if (index < 0 || index >= total) return;
    selected = index;
    const shown = fitting();
    if (index < first + 1 || index > first + shown - 2) go(index - Math.floor(shown / 3)); else draw();
    const { isError, time, text: plain } = line(index);
    const words = ['Line ' + numberOf(index), sourceOf(index), isError ? 'stderr' : 'stdout'];
    if (data.timed) words.push(seconds(time) + ' s');
    detail.replaceChildren(make('p', '', words.join(', ')));
    const whole = make('pre');
    whole.append(make('code', '', plain));
    detail.append(whole);
    detail.hidden = false;
    if (!isSilent) history.replaceState(null, '', '#log-' + numberOf(index));
  }
  rows.addEventListener('click', (event) => {
    const item = event.target.closest('li');
    if (!item || event.target.closest('.back') || String(getSelection())) return;
    event.preventDefault();
    select(Number(item.dataset.index));
  });

  // Search: a part at a time, so that the page stays alive; of each line that has the text its index.
  let hits = [];
  let isSearching = 0;
  async function search(wanted, report) {
    const turn = ++isSearching;
    query = wanted;
    hits = [];
    draw();
    if (!wanted) return report(hits, true);
    const pattern = new RegExp(encode(wanted).replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi');
    const low = wanted.toLowerCase();
    let rested = performance.now();
    for (let part = 0; part < elements.length && hits.length < MOST_HITS; part++) {
      const all = text(part);
      pattern.lastIndex = 0;
      for (let match = pattern.exec(all); match && hits.length < MOST_HITS; match = pattern.exec(all)) {
        const { begins } = indexPart(part);
        const inner = last(begins, match.index);
        const end = begins[inner + 1] - 1;
        const begin = all.indexOf(' ', begins[inner]) + 1;
        // What was matched may be the numbers before a line, or a part of an escape.
        const raw = all.slice(begin, end);
        const isPlain = match.index >= begin && !raw.includes('&');
        if (isPlain || decode(raw).toLowerCase().includes(low)) hits.push(firsts[part] + inner);
        pattern.lastIndex = end + 1;
      }
      if (performance.now() - rested > 12) {
        report(hits, false);
        await new Promise((resume) => setTimeout(resume));
        if (turn !== isSearching) return;
        rested = performance.now();
      }
    }
    report(hits, true);
  }

  view.hidden = false;
  document.getElementById('log-tools').hidden = false;
  rows.append(row(0));
  rowHeight = rows.firstChild.getBoundingClientRect().height || 24;
  space.style.height = height() + 'px';
  if (total < 20) view.style.height = `calc(${total * rowHeight}px + 1.5rem)`;
  const marked = data.marks.map((mark) => indexOf(mark[0])).filter((index) => index >= 0);
  go(marked.length ? marked[0] - Math.floor(fitting() / 3) : 0);
  addEventListener('resize', () => go(first));
  return { total, select, search, indexOf, view, go, starts, sourceOf, get selected() { return selected; }, MOST_HITS };
})();
