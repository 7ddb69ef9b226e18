// A small bot on Slack's official client. fakeslack has to satisfy it as the
// real Slack does; bolt_test.go drives it.
const { App, SocketModeReceiver } = require('@slack/bolt');

const clientOptions = { slackApiUrl: process.env.SLACK_API_URL };
const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  clientOptions,
  receiver: new SocketModeReceiver({
    appToken: process.env.SLACK_APP_TOKEN,
    installerOptions: { clientOptions },
    // A third of this is the pause between Bolt's pings; it hangs up if a pong
    // is missing for the whole of it. Short, so that a test notices.
    clientPingTimeout: 600,
    serverPingTimeout: 3000,
  }),
});

const button = (value) => ({
  type: 'actions',
  elements: [{ type: 'button', action_id: 'lease.confirm', value, text: { type: 'plain_text', text: 'Open' } }],
});
const openForm = { type: 'actions', elements: [{ type: 'button', action_id: 'home.open', text: { type: 'plain_text', text: 'Open' } }] };
const section = (text) => ({ type: 'section', text: { type: 'mrkdwn', text } });

app.command('/sshforward', async ({ command, ack, client, say }) => {
  if (command.text === 'form') {
    await client.views.open({
      trigger_id: command.trigger_id,
      view: {
        type: 'modal',
        callback_id: 'lease.open',
        private_metadata: command.channel_id,
        title: { type: 'plain_text', text: 'Open' },
        submit: { type: 'plain_text', text: 'Open' },
        blocks: [
          { type: 'input', block_id: 'reason', label: { type: 'plain_text', text: 'Reason' }, element: { type: 'plain_text_input', action_id: 'reason' } },
          { type: 'input', block_id: 'instance', optional: true, label: { type: 'plain_text', text: 'Instance' }, element: { type: 'external_select', action_id: 'instance' } },
        ],
      },
    });
    await ack();
    return;
  }
  if (command.text === 'look') {
    await ack();
    const seen = [];
    await client.conversations.history({ channel: command.channel_id })
      .catch(({ data }) => seen.push(`${data.error} ${data.needed.split(',')[0]} ${data.provided.includes('chat:write')}`));
    // Bolt waits by itself for what a 429 says and asks again.
    const { user } = await client.users.info({ user: command.user_id });
    seen.push(`guest ${user.is_restricted}, of ${user.enterprise_user.enterprise_id}`);
    const root = await client.chat.postMessage({ channel: command.channel_id, text: 'root' });
    await client.chat.delete({ channel: command.channel_id, ts: root.ts });
    const reply = await client.chat.postMessage({ channel: command.channel_id, text: 'reply', thread_ts: root.ts });
    seen.push(`thread ${reply.message.thread_ts}`);
    await client.chat.update({ channel: command.channel_id, ts: reply.ts, text: seen.join('; ') });
    return;
  }
  await ack(`got ${command.text} from ${command.user_id}`);
  await say({ text: 'card', blocks: [section('*card*'), button('abc123')] });
});

app.action('lease.confirm', async ({ action, body, ack, client, respond }) => {
  await ack();
  await client.chat.update({ channel: body.channel.id, ts: body.message.ts, text: 'opening', blocks: [section(`opening ${action.value}`)] });
  await respond({ text: `thanks <@${body.user.id}>`, response_type: 'ephemeral', replace_original: false });
});

app.options('instance', async ({ options, ack }) => {
  await ack({ options: [{ text: { type: 'plain_text', text: options.value }, value: 'i-0abc' }] });
});

app.view('lease.open', async ({ view, body, ack, client }) => {
  const reason = view.state.values.reason.reason.value;
  if (reason === 'bad') {
    await ack({ response_action: 'errors', errors: { reason: 'why?' } });
    return;
  }
  if (reason === 'slow') {
    await ack({ response_action: 'update', view: { type: 'modal', title: { type: 'plain_text', text: 'Looking' }, blocks: [section('looking')] } });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await client.views.update({
      view_id: view.id,
      view: {
        type: 'modal',
        callback_id: 'lease.confirm',
        private_metadata: view.private_metadata,
        notify_on_close: true,
        title: { type: 'plain_text', text: 'Open it?' },
        submit: { type: 'plain_text', text: 'Open' },
        blocks: [section('really?')],
      },
    });
    return;
  }
  await ack();
  await client.chat.postMessage({ channel: view.private_metadata, text: `${body.user.id}: ${reason}` });
});

app.view({ callback_id: 'lease.confirm', type: 'view_closed' }, async ({ view, body, ack, client }) => {
  await ack();
  await client.chat.postMessage({ channel: view.private_metadata, text: `${body.user.id} closed it, cleared: ${body.is_cleared}` });
});

app.event('app_home_opened', async ({ event, client }) => {
  await client.views.publish({ user_id: event.user, view: { type: 'home', blocks: [section('*home*'), openForm] } });
});

// A click in Home has a view and a trigger, and neither channel nor message.
app.action('home.open', async ({ body, ack, client }) => {
  await ack();
  const note = (text) => ({ type: 'modal', title: { type: 'plain_text', text: 'Note' }, blocks: [section(text)] });
  const { view } = await client.views.open({ trigger_id: body.trigger_id, view: note('opened') });
  const home = `${body.view.type} ${body.container.type} ${body.channel} ${body.message}`;
  const updated = await client.views.update({ view_id: view.id, hash: view.hash, view: note(home) });
  try {
    await client.views.update({ view_id: view.id, hash: view.hash, view: note('stale') });
  } catch (error) {
    await client.views.update({ view_id: view.id, hash: updated.view.hash, view: note(`${home}, ${error.data.error}`) });
  }
});

app.error(async (error) => {
  console.error('app error', error);
});

app.start().then(() => console.log('ready'));
