# fleet.jq - the demo of a fleet: what a watch of the hub's Leases says (record), what one sees of it (picture), and
# whether it was right (check). It reads the Leases' JSON and shares no code with arbiters and members.

def annotation($name): (.object.metadata.annotations // {})["zen-lead.io/" + $name] // "{}" | fromjson;

# One line for each revision of the ledger of $pool and of each turn of it, with the time at which it was seen.
def record($pool):
  (.object.metadata.name // "") as $name
  | {ms: (now * 1000 | floor)}
    + if $name == "fleet." + $pool then {ledger: annotation("fleet")}
      elif $name | startswith("turn.") then {cluster: ($name | ltrimstr("turn.")), turn: (annotation("turn").pools // {})[$pool]}
      else empty end
  | select(.ledger != null or .turn != null);

# --- the picture: each cluster in the order of its first turn, N to a row, so that a wave is a row ---

def by_cluster: map({key: .cluster, value: .outcome}) | from_entries;

# What is known after one more ledger.
def look($ledger; $ms):
  ($ledger.active | map(select(.state == "Active").cluster)) as $active
  | ($ledger.history | by_cluster) as $ended
  | .ms = $ms | .began = (.began // if $active == [] then null else $ms end)
  | .news = ($active - .order | map({cluster: ., word: "begins"})) + (($ended | keys) - .over | map({cluster: ., word: ($ended[.] | ascii_downcase)}))
  | .order += ($active - .order) | .over = ($ended | keys)
  | .active = $active | .ended = $ended | .n = $ledger.n | .waiting = ($ledger.counts.waiting // 0)
  | .most = ([.most, ($active | length)] | max)
  | .queue = $ledger.queue | .paused = $ledger.paused;

def seconds: (. / 100 | floor | . / 10 | tostring) | if contains(".") then . else . + ".0" end;
# A text that is repeated no times is null.
def padded($width): tostring | (" " * ($width - length) // "") + .;
def spaced($width): . + (" " * ($width - length) // "");

def cell($state; $c):
  . as $cluster
  | if $state.active | index($cluster) then $c.cyan + "\u2588 " + $cluster + $c.plain
    elif $state.ended[$cluster] == "Done" then $c.green + "\u2713 " + $c.plain + $cluster
    elif $state.ended[$cluster] then $c.red + "\u2717 " + $cluster + $c.plain
    else $c.dim + "\u00b7 " + $cluster + $c.plain end
  | . + (" " * (7 - ($cluster | length)));

def rows($width): . as $all | [range(0; length; $width)] | map($all[.:. + $width]);

def frame($c; $count):
  . as $state
  | ([.n, 1] | max | if . > 6 then 6 else . end) as $width
  | (.order + (.queue - .order)) as $cells
  | [ "\(.ms - (.began // .ms) | seconds | padded(6)) s   \(.active | length) of \(.n) act, \(.waiting) wait, \(.ended | length) of \($count) done\(if .paused then "   PAUSED" else "" end)", "" ]
    + ($cells | rows($width) | map("   " + (map(cell($state; $c)) | add)));

# Over what the last frame drew; each line is cleared behind its end.
def draw($c; $count):
  frame($c; $count) as $lines
  | (if .drawn > 0 then "\u001b[\(.drawn)A" else "" end) + ($lines | map("   " + . + "\u001b[K\n") | add) + "\u001b[J";

def lines: . as $state | .news | map("   \(($state.ms - $state.began) | seconds | padded(6)) s  \(.cluster) \(.word | spaced(7)) \($state.active | length) of \($state.n) act, \($state.ended | length) over\n") | add // "";

# From recorded lines until $count clusters have had their turn.
def picture($count; $tty; $c):
  label $over
  | foreach (inputs | select(.ledger)) as $line (
      {order: [], over: [], most: 0, drawn: 0, queue: []};
      (.drawn = (if .ms then (frame($c; $count) | length) else 0 end)) | look($line.ledger; $line.ms);
      (if $tty then draw($c; $count) else lines end), (if .ended | length >= $count then break $over else empty end));

# --- the check: of every revision that the watch showed ---

# Who was told a ticket and waits, for no reason of its own.
def waiting($told): $told | to_entries | map(select(.value | .state == "Waiting" and (.why // "") == "" and (.declines // 0) == 0));

def check_offer($cluster; $active):
  .told[$cluster].ticket as $ticket
  | (waiting(.told) | map(select(.value.ticket < $ticket).key)) as $before
  | ($before - $active) as $passed
  | .offers += 1 | .passed += ($passed | map({cluster: ., by: $cluster}));

# What slots there were since the revision before, for somebody who acted or waited.
def usable: (.active | length) as $acts | [$acts, ([.n // 0, $acts + (.counts.waiting // 0)] | min)] | max;

def check_ledger($ledger; $ms):
  .revisions += 1
  | .slot_ms += (if .seen_ms and .first_ms then usable * ($ms - .seen_ms) else 0 end) | .seen_ms = $ms
  | .n = $ledger.n | .ns += (if .ns[-1:] == [$ledger.n] then [] else [$ledger.n] end)
  | ([.active[].token]) as $tokens
  | ($ledger.active | map(select(.token as $token | $tokens | index($token) | not))) as $new
  | reduce $new[] as $entry (.; check_offer($entry.cluster; [$ledger.active[].cluster]) | .repeated += (if $entry.token > .last_token then [] else [$entry.token] end) | .last_token = $entry.token)
  | .active = $ledger.active
  | .most = ([.most, (.active | length)] | max) | .above += (if (.active | length) > $ledger.n and ($new | length) > 0 then 1 else 0 end)
  | .first_ms = (.first_ms // if (.active | length) > 0 then $ms else null end)
  | .history = $ledger.history | .counts = $ledger.counts
  | .last_ms = (if ($ledger.history | length) > .ended then $ms else .last_ms end) | .ended = ($ledger.history | length);

def check:
  reduce inputs as $line (
    {revisions: 0, slot_ms: 0, ns: [], offers: 0, most: 0, above: 0, passed: [], repeated: [], last_token: 0, told: {}, active: [], history: [], ended: 0};
    if $line.ledger then check_ledger($line.ledger; $line.ms) else .told[$line.cluster] = $line.turn end)
  | {revisions, slot_ms, ns, offers, most, above, passed, repeated, took_ms: (.last_ms - .first_ms),
     done: ([.history[] | select(.outcome == "Done").cluster] | unique | length), turns: (.history | length)};
