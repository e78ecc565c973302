"""What the browser needs besides widgets: how explorers fit into any width, and names for screen readers."""

_CSS = """
.nst-explorer { container-type: inline-size; box-sizing: border-box; position: relative; width: 100%; max-width: 948px;
  padding: 4px 4px 4px 6px; color: var(--jp-ui-font-color1, #222); overflow-wrap: anywhere; }
.nst-explorer .nst-explorer { padding: 4px 0; }
.nst-explorer .widget-box, .nst-explorer .widget-gridbox { min-width: 0; max-width: 100%; overflow: visible; }
.nst-explorer .widget-label-basic { overflow: visible; }
.nst-explorer .widget-hbox { flex-wrap: wrap; }
.nst-explorer .widget-inline-hbox { max-width: calc(100% - 4px); }
.nst-explorer .widget-dropdown > select { flex: 1 1 auto; }
.nst-explorer .widget-html { max-width: 100%; }
.nst-explorer .widget-html-content { line-height: 1.4; min-width: 0; max-width: 100%; }
.nst-explorer .jupyter-button { flex: none; max-width: calc(100% - 4px); }
.nst-explorer b { font-weight: 600; }
.nst-explorer img { object-fit: contain; border-radius: 2px; height: auto; max-width: 100%; }
.nst-explorer .nst-4x3 { aspect-ratio: 4 / 3; }
.nst-explorer svg { max-width: 100%; height: auto; }
.nst-explorer .nst-crisp { image-rendering: pixelated; }
.nst-explorer .nst-pad { position: relative; max-width: calc(100% - 4px); }
.nst-pad > .widget-html { position: absolute; inset: 0; margin: 0; width: 100%; height: 100%; }
.nst-pad > .widget-html .widget-html-content, .nst-over { width: 100%; height: 100%; }
.nst-over { cursor: crosshair; border-radius: 2px; }
.nst-over:focus { outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 2px; }
.nst-head { font-weight: 600; }
.nst-quiet { color: var(--jp-ui-font-color2, #666); }
.nst-number { font-weight: 600; font-variant-numeric: tabular-nums; }
.nst-wrong { color: var(--jp-error-color1, #c62828); }
/* Where the live panel is one column, the charts come below the picture. */
@container (max-width: 645px) {
  .nst-explorer .nst-left { display: contents; }
  .nst-left > .widget-html { order: 1; }
}
.nst-explorer .nst-unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
"""

# ipywidgets has no traits for ARIA. This runs once in each explorer, when its style sheet is there, and again whenever
# a widget has changed: a slider gets its label as its name and what it shows as its value; a picture's title becomes
# its alt text; texts of the class nst-live are read out when they change; a button for uploads says while it reads, and
# whether the file was lost: a server ends the connection when a message is too long, and ipywidgets then waits for ever.
_NAMES = """
const root = this.closest('.widget-vbox');
if (!root || root.nstNamed) return;
root.nstNamed = true;
const lost = '<span class=nst-wrong>The file did not arrive. Most servers take files up to 10 MB. Run this cell again, '
  + 'and choose a smaller file.</span>';
const set = (found, name, value) => { if (found && found.getAttribute(name) !== value) found.setAttribute(name, value); };
const name = () => {
  for (const slider of root.querySelectorAll('.widget-slider')) {
    const label = slider.querySelector('.widget-label').textContent, readout = slider.querySelector('.widget-readout');
    const handle = slider.querySelector('.noUi-handle');
    set(handle, 'aria-label', label); set(handle, 'aria-valuetext', readout.textContent);
    set(readout, 'role', 'textbox'); set(readout, 'aria-label', label);
  }
  for (const shown of root.querySelectorAll('img[title]')) { shown.alt = shown.title; shown.removeAttribute('title'); }
  for (const list of root.querySelectorAll('select[title]')) set(list, 'aria-label', list.title);
  for (const text of root.querySelectorAll('.nst-live > .widget-html-content')) set(text, 'role', 'status');
  for (const group of root.querySelectorAll('.nst-group')) {
    set(group, 'role', 'group'); set(group, 'aria-label', group.querySelector('.widget-html').textContent);
  }
  for (const button of root.querySelectorAll('.widget-upload')) {
    set(button.querySelector('i'), 'aria-hidden', 'true');
    const words = button.lastChild, count = ((words && words.data) || '').match(/ \\((\\d+)\\)$/);
    if (!count) continue;
    const reads = count[1] !== '0', line = root.querySelector('.nst-message > .widget-html-content');
    words.data = words.data.slice(0, count.index) + (reads ? ': reading…' : '');
    if (!reads && button.nstBefore === line.textContent) line.innerHTML = lost;
    button.nstBefore = reads ? line.textContent : null;
  }
};
name();
new MutationObserver(name).observe(root, {subtree: true, childList: true, characterData: true, attributes: true,
  attributeFilter: ['title', 'aria-valuetext']});
"""

STYLE = f'<style onload="{_NAMES}">{_CSS}</style>'
