"""What is looked for in a page: whether all of the explorers fits, and what a screen reader is told."""

# Gives a list of sentences, one for each fault. `room` is what the reader can see of the page's width; all is measured
# in its pixels, and one of them is allowed for rounding.
FAULTS = """() => {
  const faults = [], roots = [...document.querySelectorAll('.nst-explorer')].filter(e => e.offsetParent && !e.parentElement.closest('.nst-explorer'));
  const say = (found, what) => faults.push(`${found.tagName} ${found.className || ''} "${(found.innerText || found.alt || '').slice(0, 30)}": ${what}`);
  const round = r => `${Math.round(r.left)}..${Math.round(r.right)}`;
  const canvas = document.createElement('canvas').getContext('2d');
  const scrolls = style => /auto|scroll/.test(style.overflowX + style.overflowY), clips = style => style.display !== 'contents' && (style.overflowX !== 'visible' || style.overflowY !== 'visible');
  const hidden = found => !found.getClientRects().length || found.closest('.nst-unseen, option, .slider-container') || getComputedStyle(found).visibility === 'hidden';
  const inside = (found, rect, box, what) => {  // is `rect` cut by a box around it?
    if (rect.left < box.left - 1 || rect.right > box.right + 1) say(found, `${what}: ${round(rect)} in ${round(box)}`);
  };
  for (const root of roots) {
    const output = root.closest('.jp-OutputArea-output') || root.parentElement, room = output.getBoundingClientRect();
    inside(output, room, {left: 0, right: innerWidth}, 'the output itself is off-screen');
    for (const found of [root, ...root.querySelectorAll('*')]) {
      if (hidden(found) || found instanceof SVGElement && found.tagName !== 'svg') continue;
      const style = getComputedStyle(found), rect = found.getBoundingClientRect(), crop = found.closest('.nst-stage, .nst-frame');
      if (!crop) inside(found, rect, room, 'off-screen');
      if (found.clientWidth && !crop && found.scrollWidth > found.clientWidth + 1) say(found, `${found.scrollWidth} in ${found.clientWidth} pixels`);
      if (scrolls(style) && (found.scrollHeight > found.clientHeight + 1 || found.scrollWidth > found.clientWidth + 1)) say(found, 'a scroll bar');
      if (found.matches('img, .nst-pad, svg, button, select, input') && !crop) inside(found, rect, found.parentElement.getBoundingClientRect(), 'beyond its box');
      if (found.matches('.nst-pad img') && !(rect.width > 150 && Math.abs(rect.width / rect.height - found.naturalWidth / found.naturalHeight) < 0.02))
        say(found, `squashed: ${Math.round(rect.width)} by ${Math.round(rect.height)}`);
      if (found.matches('select')) {  // its texts are drawn by the browser and cannot be measured in the page
        canvas.font = style.font;
        const frame = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight), arrow = found.size > 1 || style.appearance === 'none' ? 0 : 16;
        for (const option of found.size > 1 ? found.options : found.selectedOptions) {
          const width = canvas.measureText(option.text).width;
          const widest = found.parentElement.offsetWidth > found.closest('.widget-box').clientWidth - 6;  // nothing can be done
          if (width + frame + arrow > found.clientWidth + 1 && !widest) say(found, `"${option.text}" is ${Math.round(width)} pixels wide`);
        }
      }
      for (const node of found.childNodes) if (node.nodeType === 3 && node.data.trim() && !found.matches('select, option, style')) {
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const line of range.getClientRects())
          for (let around = found; around !== output.parentElement; around = around.parentElement)
            if (clips(getComputedStyle(around))) {
              const box = around.getBoundingClientRect();
              inside(found, line, box, 'cut text');
              if (line.top < box.top - 3 || line.bottom > box.bottom + 3) say(found, 'cut text: too low a box');
            }
      }
    }
  }
  return faults;
}"""

# The same for focus rings: what is drawn around an element that has the focus, and by whom it is cut.
CUT_RINGS = """() => {
  const cut = [];
  let rings = 0;
  for (const found of document.querySelectorAll('.nst-explorer :is(input, select, button, [tabindex="0"], [contenteditable="true"])')) {
    if (!found.getClientRects().length || found.disabled) continue;
    found.focus({preventScroll: true, focusVisible: true});
    const style = getComputedStyle(found), rect = found.getBoundingClientRect();
    const outline = style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth) + Math.max(0, parseFloat(style.outlineOffset));
    const shadow = style.boxShadow === 'none' || style.boxShadow.includes('inset') ? 0 : Math.max(...style.boxShadow.match(/-?[\\d.]+px/g).map(parseFloat));
    const ring = Math.max(outline, found.matches('.noUi-handle') ? 0 : shadow);
    rings += ring > 0;
    for (let around = found.parentElement; around && !around.matches('.jp-Cell, body'); around = around.parentElement) {
      const box = around.getBoundingClientRect(), over = getComputedStyle(around);
      if (over.overflowX === 'visible' && over.overflowY === 'visible') continue;
      if (rect.left - ring < box.left - 0.5 || rect.right + ring > box.right + 0.5 || rect.top - ring < box.top - 0.5 || rect.bottom + ring > box.bottom + 0.5)
        cut.push(`${found.tagName} ${found.className}: ring of ${ring} cut by ${around.className}`);
    }
  }
  return [rings, cut];
}"""


def names(page, role):
    """The names of all elements of this role in the explorers, as the browser tells them to a screen reader."""
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    root, found = session.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"], []
    for node in session.send("DOM.querySelectorAll", {"nodeId": root, "selector": ".nst-explorer"})["nodeIds"]:
        nodes = session.send("Accessibility.queryAXTree", {"nodeId": node, "role": role})["nodes"]
        found += [shown["name"]["value"].strip() for shown in nodes if not shown["ignored"]]
    session.detach()
    return found
