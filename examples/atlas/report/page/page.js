// Draws the figures of a report with Vega, and their tables when they are opened.
(function () {
  'use strict';

  const themes = JSON.parse(document.getElementById('themes').textContent);
  const mostOfSvg = 4000;  // marks; more are drawn on a canvas
  const darkness = window.matchMedia('(prefers-color-scheme: dark)');
  const views = new Map();
  let printing = false;

  function dataOf(figure) {
    if (!figure.atlasData) figure.atlasData = JSON.parse(figure.querySelector('script.data').textContent);
    return figure.atlasData;
  }

  function rowsOf(numbers) {
    return numbers.rows.map(function (row) {
      const out = {};
      numbers.columns.forEach(function (name, i) { out[name] = row[i]; });
      return out;
    });
  }

  /** The specification with the numbers, colours and width in it. */
  function specificationOf(figure, space, theme) {
    const data = dataOf(figure);
    const spec = JSON.parse(JSON.stringify(data.spec));
    spec.description = data.description;
    spec.data[0].values = rowsOf(data.numbers);
    const given = Object.keys(theme).map(function (name) { return { name: name, value: theme[name] }; });
    spec.signals = [{ name: 'space', value: space }].concat(given, spec.signals || []);
    return spec;
  }

  function draw(figure) {
    try {
      drawAnew(figure);
    } catch (error) {
      figure.querySelector('.plot').textContent = 'Not drawn: ' + error.message;
      console.error(figure.id, error);
    }
  }

  function drawAnew(figure) {
    const plot = figure.querySelector('.plot');
    const theme = !printing && darkness.matches ? themes.dark : themes.light;
    const space = printing ? 660 : Math.max(260, plot.clientWidth);
    const many = dataOf(figure).numbers.rows.length > mostOfSvg;
    const old = views.get(figure);
    if (old) old.finalize();
    const view = new vega.View(vega.parse(specificationOf(figure, space, theme)),
                               { renderer: many ? 'canvas' : 'svg', container: plot, hover: false });
    view.run();
    views.set(figure, view);
    figure.dataset.drawn = String(space);
  }

  function drawAll() {
    document.querySelectorAll('figure[data-figure]').forEach(draw);
  }

  function save(name, type, content) {
    const link = document.createElement('a');
    link.download = name;
    link.href = content.startsWith('data:') ? content : URL.createObjectURL(new Blob([content], { type: type }));
    link.click();
  }

  function csvField(value) {
    let text = value === null ? '' : String(value);
    // What a spreadsheet would take for a formula.
    const number = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/;
    if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text) && !number.test(text)) text = "'" + text;
    return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function csvOf(numbers) {
    return [numbers.columns].concat(numbers.rows).map(function (row) {
      return row.map(csvField).join(',') + '\n';
    }).join('');
  }

  /** Pictures have the colours of paper. */
  function pictureOf(figure, type) {
    const view = new vega.View(vega.parse(specificationOf(figure, 760, themes.light)),
                               { renderer: 'none', background: 'white' });
    view.background('white');
    if (type === 'svg') return view.toSVG();
    return view.toCanvas(2).then(function (canvas) { return canvas.toDataURL('image/png'); });
  }

  function saveFigure(figure, type) {
    const name = figure.dataset.figure + '.' + (type === 'json' ? 'vg.json' : type);
    if (type === 'csv') return save(name, 'text/csv', csvOf(dataOf(figure).numbers));
    if (type === 'json')
      return save(name, 'application/json', JSON.stringify(specificationOf(figure, 760, themes.light), null, 1));
    pictureOf(figure, type).then(function (content) { save(name, 'image/svg+xml', content); });
  }

  function cellText(value) {
    if (value === null) return '';
    if (typeof value !== 'number') return String(value);
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  }

  function compared(a, b) {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  }

  /** A table that is sorted by its headers and filtered by what is typed. */
  function fillTable(figure) {
    const place = figure.querySelector('.table');
    if (place.childElementCount) return;
    const numbers = dataOf(figure).numbers;
    const filter = document.createElement('input');
    filter.type = 'search';
    filter.placeholder = 'Only rows with\u2026';
    filter.setAttribute('aria-label', 'Only rows that contain this');
    const table = document.createElement('table'), head = table.createTHead().insertRow();
    const body = table.createTBody();
    numbers.columns.forEach(function (name, column) {
      const cell = document.createElement('th'), button = document.createElement('button');
      cell.scope = 'col';
      button.type = 'button';
      button.textContent = name;
      button.addEventListener('click', function () { sortBy(table, body, cell, column); });
      cell.appendChild(button);
      head.appendChild(cell);
    });
    numbers.rows.forEach(function (row) {
      const line = body.insertRow();
      line.atlasRow = row;
      row.forEach(function (value) {
        const cell = line.insertCell();
        cell.textContent = cellText(value);
        if (typeof value === 'number') cell.className = 'number';
      });
    });
    filter.addEventListener('input', function () {
      const wanted = filter.value.toLowerCase();
      Array.from(body.rows).forEach(function (line) {
        line.hidden = !line.textContent.toLowerCase().includes(wanted);
      });
    });
    place.append(filter, table);
  }

  function sortBy(table, body, cell, column) {
    const down = cell.getAttribute('aria-sort') === 'ascending';
    table.querySelectorAll('th').forEach(function (other) { other.removeAttribute('aria-sort'); });
    cell.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const lines = Array.from(body.rows);
    lines.sort(function (a, b) {
      const order = compared(a.atlasRow[column], b.atlasRow[column]);
      return down ? -order : order;
    });
    lines.forEach(function (line) { body.appendChild(line); });
  }

  function prepare(figure) {
    figure.querySelectorAll('button[data-save]').forEach(function (button) {
      button.addEventListener('click', function () { saveFigure(figure, button.dataset.save); });
    });
    figure.querySelector('details').addEventListener('toggle', function () { fillTable(figure); });
  }

  const figures = Array.from(document.querySelectorAll('figure[data-figure]'));
  figures.forEach(prepare);
  if (typeof vega === 'undefined') return;
  // One after the other, so that the page can be read meanwhile.
  (function drawNext(place) {
    if (place === figures.length) return;
    if (!figures[place].dataset.drawn) draw(figures[place]);
    setTimeout(function () { drawNext(place + 1); }, 0);
  })(0);

  let waiting = 0;
  window.addEventListener('resize', function () {
    clearTimeout(waiting);
    waiting = setTimeout(function () {
      if (printing) return;
      figures.forEach(function (figure) {
        const space = Math.max(260, figure.querySelector('.plot').clientWidth);
        if (figure.dataset.drawn && figure.dataset.drawn !== String(space)) draw(figure);
      });
    }, 150);
  });
  darkness.addEventListener('change', drawAll);
  window.addEventListener('beforeprint', function () { printing = true; drawAll(); });
  window.addEventListener('afterprint', function () { printing = false; drawAll(); });
  window.atlasReport = { drawAll: drawAll, pictureOf: pictureOf, figures: figures, views: views };
})();
