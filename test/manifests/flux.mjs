// flux.mjs CURRENT FAILED - the health of each LeaderPolicy on standard input, a JSON object each line, by these two expressions of
// healthCheckExprs, in the order that Flux's RFC 0009 gives them: Current, Failed or InProgress, a line each.
//
// Run in a folder whose node_modules has @bufbuild/cel.
import {createRequire} from 'node:module';
import {pathToFileURL} from 'node:url';
import {createInterface} from 'node:readline';

const require = createRequire(process.cwd() + '/');
const {run} = await import(pathToFileURL(require.resolve('@bufbuild/cel')));
const [current, failed] = process.argv.slice(2);

// A field that is not there is an error, and for Flux that means: not yet.
function holds(expression, object) {
    const result = run(expression, object);
    return typeof result === 'boolean' ? result : undefined;
}

function health(object) {
    const observed = object.status?.observedGeneration;
    if (observed !== undefined && observed !== object.metadata.generation) {
        return 'InProgress';
    }
    const is_failed = holds(failed, object);
    if (is_failed === undefined) {
        return 'InProgress';
    }
    return is_failed ? 'Failed' : holds(current, object) ? 'Current' : 'InProgress';
}

for await (const line of createInterface({input: process.stdin})) {
    console.log(health(JSON.parse(line)));
}
