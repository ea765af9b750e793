// What is asked of a report in a browser; the answer is the text of an element `checks`.
(function () {
  'use strict';
  const faults = [];
  function check(holds, what) {
    if (!holds) faults.push(what);
  }

  function channel(x) {
    return x <= 0.03928 ? x / 12.92 : Math.pow((x + 0.055) / 1.055, 2.4);
  }
  function luminance(colour) {
    const rgb = colour.match(/[0-9.]+/g).map(Number);
    return 0.2126 * channel(rgb[0] / 255) + 0.7152 * channel(rgb[1] / 255) + 0.0722 * channel(rgb[2] / 255);
  }
  function contrast(a, b) {
    const x = luminance(a), y = luminance(b);
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  }
  function background(element) {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!/rgba\(.*, 0\)|transparent/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  }

  function checkText() {
    document.querySelectorAll('h1, h2, h3, p, li, strong, figcaption, button, summary, td, th, nav a')
        .forEach(function (e) {
      const ratio = contrast(getComputedStyle(e).color, background(e));
      check(ratio >= 4.5, 'contrast of ' + e.tagName + ' ' + e.textContent.slice(0, 20) + ' is ' + ratio);
    });
  }

  function checkFigure(figure) {
    const plot = figure.querySelector('.plot'), rows = JSON.parse(figure.querySelector('script.data').textContent).numbers.rows.length;
    check(plot.getAttribute('aria-label').length > 20, figure.id + ' has no description');
    const canvas = plot.querySelector('canvas');
    if (canvas) {
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      let drawn = 0;
      for (let i = 3; i < pixels.length; i += 4) drawn += pixels[i] > 0 ? 1 : 0;
      check(drawn > pixels.length / 16, figure.id + ' has a canvas with ' + drawn + ' pixels drawn');
      return;
    }
    const marks = plot.querySelectorAll('g.mark-symbol.role-mark path, g.mark-rect.role-mark path').length;
    check(marks >= rows, figure.id + ' has ' + marks + ' marks of ' + rows + ' rows');
  }

  function checkTable(figure) {
    figure.querySelector('details').open = true;
    figure.querySelector('details').dispatchEvent(new Event('toggle'));
    const body = figure.querySelector('tbody'), last = figure.querySelectorAll('th').length - 1;
    const values = function () {
      return Array.from(body.rows).map(function (r) { return r.atlasRow[last]; })
          .filter(function (x) { return typeof x === 'number'; });
    };
    const sorted = function (direction) {
      const x = values();
      return x.every(function (v, i) { return i === 0 || direction * (v - x[i - 1]) >= 0; });
    };
    const button = figure.querySelectorAll('th button')[last];
    button.click();
    check(sorted(1), figure.id + ': the table does not sort');
    button.click();
    check(sorted(-1), figure.id + ': the table does not sort the other way');
    const filter = figure.querySelector('input[type=search]');
    filter.value = 'nothing has this';
    filter.dispatchEvent(new Event('input'));
    check(Array.from(body.rows).every(function (r) { return r.hidden; }), figure.id + ': the filter keeps rows');
    filter.value = '';
    filter.dispatchEvent(new Event('input'));
    check(Array.from(body.rows).every(function (r) { return !r.hidden; }), figure.id + ': the filter hides rows');
    figure.querySelector('details').open = false;
  }

  /** A page of A4 is 718 x 1047 pixels within margins of 10 mm. */
  function checkPrint(figure) {
    const drawing = figure.querySelector('.plot > *').getBoundingClientRect();
    check(drawing.width <= 718, figure.id + ' is ' + drawing.width + ' wide on paper');
    check(drawing.height <= 1047, figure.id + ' is ' + drawing.height + ' high on paper');
  }

  function finish() {
    const out = document.createElement('pre');
    out.id = 'checks';
    out.textContent = 'checked ' + atlasReport.figures.length + ' figures: ' + (faults.join('; ') || 'all hold') + '.';
    document.body.appendChild(out);
  }

  function run() {
    const figures = atlasReport.figures;
    check(document.documentElement.scrollWidth <= window.innerWidth + 1, 'the page is wider than the window');
    checkText();
    figures.forEach(checkFigure);
    figures.forEach(checkTable);
    window.dispatchEvent(new Event('beforeprint'));
    setTimeout(function () {
      figures.forEach(checkPrint);
      Promise.all(figures.map(function (f) {
        return Promise.all([atlasReport.pictureOf(f, 'svg'), atlasReport.pictureOf(f, 'png')]).then(function (made) {
          check(made[0].startsWith('<svg'), f.id + ': no SVG');
          check(made[1].startsWith('data:image/png') && made[1].length > 2000, f.id + ': no PNG');
        });
      })).catch(function (error) { faults.push(String(error)); }).then(finish);
    }, 2000);
  }

  (function wait() {
    const drawn = atlasReport.figures.every(function (f) { return f.querySelector('.plot').childElementCount; });
    if (drawn) setTimeout(run, 1000);
    else setTimeout(wait, 100);
  })();
})();
