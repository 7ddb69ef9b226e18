// Where everything stands in the picture. It is drawn in real pixels, so that no
// letter gets smaller than it is written; where there is no room for two
// columns, the route tables stand below what they are about.

import { cardHeight } from './forward.js';

const two = 500; // px, from which on there is room for two columns
const most = 720;
const top = 142; // of the public subnet
const tableWidth = 150;
const line = 28; // height of somebody else's load balancer, with its gap

/** room is how wide the picture is in a place, in whole pixels. */
export const room = (place) => {
  const style = getComputedStyle(place);
  return Math.round(Math.min(most, Math.max(260, place.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight))));
};

/** geometry says where the parts of p are in a picture of that width. */
export function geometry(width, p) {
  const wide = width >= two;
  const subnet = { x: 12, width: width - 24, zone: width < 350 ? 0 : width - (wide ? 34 : 45) }; // 0: no room for it
  const right = width - 22; // of what is in a subnet
  const card = { x: 42, width: (wide ? right - tableWidth - 22 : width - 34) - 42 };
  const table = { x: wide ? right - tableWidth : 22, width: wide ? tableWidth : card.x + card.width - 22 };
  const tall = (n, isPublic) => (wide ? 28 + 18 * n.routes.length + (isPublic ? 0 : 20) : 44);

  let y = top + 42;
  const cards = p.forwards.map((f, i) => {
    const c = { f, i, x: card.x, y, width: card.width, height: cardHeight(f) };
    y += c.height + 12;
    return c;
  });
  let publicEnd = Math.max(y, wide ? 0 : top + 54);
  const publicTable = { ...table, y: wide ? top + 42 : publicEnd, height: tall(p.public, true) };
  const others = { x: table.x, width: table.width, y: 0 };
  publicEnd = Math.max(publicEnd, publicTable.y + publicTable.height + 12);
  if (wide) {
    publicEnd = Math.max(publicEnd + 2, publicTable.y + publicTable.height + 12 + p.others.length * line);
    others.y = publicEnd - p.others.length * line;
  } else {
    others.y = publicEnd;
    publicEnd += p.others.length * line;
  }
  const privateTop = publicEnd + 20;
  const box = { x: 22, y: privateTop + 43, width: wide ? table.x - 36 : width - 44, height: 132 };
  const each = Math.floor((box.width - 20 + 6) / 3);
  const instance = (n) => ({ x: box.x + 10 + n * each, y: box.y + 12, width: each - 6, height: 48 });
  const privateTable = { ...table, y: wide ? box.y - 1 : box.y + box.height + 10, height: tall(p.private, false) };
  const end = Math.max(box.y + box.height, privateTable.y + privateTable.height) + 11;
  return {
    width, height: end + 16, wide, top, subnet, cards, publicTable, privateTable, others, box, instance,
    vpc: { x: 2, y: 84, width: width - 4, height: end - 84 + 10 },
    public: { y: top, height: publicEnd - top }, private: { y: privateTop, height: end - privateTop },
    laptop: { x: 58, y: 18 }, gateway: { x: 76, y: 84 },
    // The way in: from the gateway down the left side into the load balancer.
    wayIn: (c) => `M 76 58 V 112 H ${card.x - 14 - (c.i % 5) * 3} V ${c.y + 40} H ${c.x}`,
    // The way on: down the right side to the instance.
    wayOn: (c, n) => {
      const to = instance(n);
      return `M ${c.x + c.width} ${c.y + 40} H ${c.x + c.width + 7 + (c.i % 4) * 3} V ${privateTop + 36 - (c.i % 3) * 3}`
        + ` H ${to.x + Math.round(to.width / 2) + (c.i % 5) * 5} V ${to.y}`;
    },
  };
}
