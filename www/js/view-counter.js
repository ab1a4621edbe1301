// The counter that everybody shares: its value, who watches, and a chart of its history.

import { stepChart } from './chart.js';
import { client } from './client.js';
import { $, onPress, onSubmit, time } from './dom.js';
import { view } from './view.js';

const NAME = 'global-counter';
const SHOWN = 40;

export function counterView() {
    const form = $('#counter-form');
    const value = $('#counter-value');
    let counter = null;
    let steps = []; // oldest first

    function draw({ value: now, viewers }) {
        const text = now === null ? '–' : now.toLocaleString();
        if (value.textContent !== text) {
            value.textContent = text;
            value.classList.remove('changed');
            requestAnimationFrame(() => value.classList.add('changed'));
        }
        const connected = viewers ? `${viewers} watching` : '';
        $('#counter-viewers').textContent = counter?.isConnected === false ? 'not connected' : connected;
    }

    function drawHistory() {
        const values = steps.length ? [steps[0].from, ...steps.map((step) => step.to)] : [];
        $('#counter-chart').replaceChildren(stepChart(values.slice(-SHOWN)));
        const last = steps.at(-1);
        $('#counter-last').replaceChildren(...(last ? ['Last changed ', time(last.at)] : []));
    }

    function add({ value: to, previousValue: from, timestamp }) {
        steps.push({ from, to, at: timestamp });
        steps = steps.slice(-SHOWN);
        drawHistory();
    }

    async function load() {
        const asked = counter;
        const history = await asked.getHistory(SHOWN).catch(() => null);
        if (!history || asked !== counter) return;
        steps = history.reverse().map((step) => ({
            from: step.previousValue, to: step.newValue, at: step.timestamp,
        }));
        drawHistory();
    }

    onPress($('#counter-plus'), () => counter.increment());
    onPress($('#counter-minus'), () => counter.decrement());
    onPress($('#counter-reset'), () => counter.reset());
    onSubmit(form, async (fields) => {
        await counter.setValue(Number(fields.get('value')));
        form.reset();
    });

    return view(() => {
        counter = client.counter(NAME);
        const opened = counter; // closed, it may still have something to say
        drawHistory();
        return [opened.subscribe(draw), opened.on('update', add), opened.on('open', load),
            opened.on('close', () => draw(opened.value)), () => {
            opened.close();
            counter = null;
            steps = [];
            form.reset();
        }];
    });
}
