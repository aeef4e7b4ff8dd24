// SPDX-License-Identifier: Apache-2.0
// Ask the sidecar whether this pod leads: node leader.mjs POOL [URL]. Prints "leader TOKEN" or "follower".
import http from 'node:http';

// The answer, or null: then nothing is known, and this pod must not act as the leader.
export function ask(pool, url = 'http://127.0.0.1:4040') {
  return new Promise((resolve) => {
    http.get(`${url}/v1/pools/${pool}`, { timeout: 3000 }, (answer) => {
      let text = '';
      answer.on('data', (piece) => { text += piece; });
      answer.on('end', () => resolve(answer.statusCode === 200 ? JSON.parse(text) : null));
    }).on('error', () => resolve(null)).on('timeout', () => resolve(null));
  });
}

const known = await ask(...process.argv.slice(2, 4));
console.log(known?.role === 'leader' ? `leader ${known.token}` : 'follower');
