// What is on the page already: copying, searching, going to places, values of the charts.
(() => {
  const byId = (id) => document.getElementById(id);

  // Commands to copy.
  async function copy(text) {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* Pages of files may lack it. */ }
    const area = document.createElement('textarea');
    area.value = text;
    area.setAttribute('aria-hidden', 'true');
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand('copy');
    area.remove();
    return isCopied;
  }
  const status = document.createElement('p');
  status.className = 'hidden';
  status.setAttribute('role', 'status');
  document.body.append(status);
  for (const command of document.querySelectorAll('.command')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Copy';
    button.setAttribute('aria-label', 'Copy the command');
    button.addEventListener('click', async () => {
      const isCopied = await copy(command.querySelector('code').textContent);
      button.textContent = status.textContent = isCopied ? 'Copied' : 'Not copied';
      setTimeout(() => { button.textContent = 'Copy'; status.textContent = ''; }, 2000);
      button.focus();
    });
    command.append(button);
  }

  // The document.
  const details = byId('json');
  details.addEventListener('toggle', () => {
    const place = details.querySelector('pre');
    if (details.open && !place.textContent) {
      place.textContent = JSON.stringify(JSON.parse(byId('report').textContent), null, 2);
    }
  });

  // Places that a link names: a line of the log, or something in a closed part.
  function visit() {
    const line = /^#log-(\d+)$/.exec(location.hash);
    if (line && Log) {
      Log.select(Log.indexOf(Number(line[1])), true);
      Log.view.scrollIntoView({ block: 'center' });
      Log.view.focus({ preventScroll: true });
      return;
    }
    const id = location.hash.slice(1);
    const place = id && byId(id);
    for (const old of document.querySelectorAll('.shown')) old.classList.remove('shown');
    if (!place) return;
    const closed = place.closest('details');
    if (closed) { closed.open = true; place.scrollIntoView(); }
    if (place.matches('.finding')) place.classList.add('shown');
  }
  addEventListener('hashchange', visit);
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) visit();
  });

  // The section in view.
  const links = [...document.querySelectorAll('nav a')];
  const sections = links.map((link) => byId(link.hash.slice(1))).filter(Boolean);
  if ('IntersectionObserver' in window) {
    const inView = new Set();
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) inView[entry.isIntersecting ? 'add' : 'delete'](entry.target);
      const current = sections.find((section) => inView.has(section));
      for (const link of links) {
        if (current && link.hash === '#' + current.id) link.setAttribute('aria-current', 'true');
        else link.removeAttribute('aria-current');
      }
    }, { rootMargin: '-64px 0px -60% 0px' });
    sections.forEach((section) => observer.observe(section));
  }

  // Values of the charts under the pointer.
  const units = {
    bytes(value) {
      const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
      let unit = 0;
      while (value >= 1024 && unit < 4) { value /= 1024; unit++; }
      return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} ${names[unit]}`;
    },
    processors: (value) => value.toFixed(2),
    count: (value) => String(Math.round(value)),
  };
  for (const plot of document.querySelectorAll('.plot')) {
    const { unit, points, begin, length } = plot.dataset;
    const all = points.split(';').flatMap((series) => {
      const [name, list] = series.split('=');
      return list.split(' ').map((pair) => {
        const [time, value] = pair.split(',').map(Number);
        return { name, time, value };
      });
    });
    const cross = plot.querySelector('.cross');
    const readout = plot.parentElement.querySelector('.readout');
    plot.addEventListener('pointermove', (event) => {
      const box = plot.getBoundingClientRect();
      const time = Number(begin) + (event.clientX - box.left) / box.width * Number(length);
      const near = all.reduce((best, point) =>
        Math.abs(point.time - time) < Math.abs(best.time - time) ? point : best);
      const x = `${(near.time - Number(begin)) / Number(length) * 100}%`;
      cross.setAttribute('x1', x);
      cross.setAttribute('x2', x);
      cross.setAttribute('visibility', 'visible');
      readout.textContent = `${near.name}, ${(near.time / 1000).toFixed(1)} s: ${units[unit](near.value)}`;
    });
    plot.addEventListener('pointerleave', () => {
      cross.setAttribute('visibility', 'hidden');
      readout.textContent = '';
    });
  }

  // Searching the log.
  if (Log) {
    const [find, found, jump] = [byId('find'), byId('found'), byId('jump')];
    let hits = [];
    let place = -1;
    let delay;
    const say = (isDone) => {
      const count = hits.length.toLocaleString('en') + (hits.length >= Log.MOST_HITS ? '+' : '');
      const words = hits.length === 1 ? '1 line' : count + ' lines';
      if (!find.value) found.textContent = '';
      else if (!hits.length) found.textContent = isDone ? 'Not found' : 'Searching';
      else found.textContent = place >= 0 ? `${(place + 1).toLocaleString('en')} of ${words}` : words;
    };
    const show = (index) => {
      if (!hits.length) return;
      place = (index + hits.length) % hits.length;
      Log.select(hits[place]);
      say(true);
    };
    const begin = () => {
      place = -1;
      Log.search(find.value, (list, isDone) => {
        hits = list;
        if (place < 0 && hits.length) {
          place = 0;
          Log.select(hits[0], true);
        }
        say(isDone);
      });
    };
    find.addEventListener('input', () => { clearTimeout(delay); delay = setTimeout(begin, 150); });
    find.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') { find.value = ''; begin(); }
      if (event.key !== 'Enter') return;
      event.preventDefault();
      show(place + (event.shiftKey ? -1 : 1));
    });
    byId('next').addEventListener('click', () => show(place + 1));
    byId('previous').addEventListener('click', () => show(place - 1));
    document.addEventListener('keydown', (event) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
      event.preventDefault();
      find.focus();
    });
    jump.append(new Option('Go to', '', true, true));
    Log.starts.forEach((start) => jump.append(new Option(Log.sourceOf(start), String(start))));
    jump.addEventListener('change', () => {
      if (jump.value) { Log.go(Number(jump.value)); Log.select(Number(jump.value)); }
      jump.value = '';
    });
  }
  visit();
})();
