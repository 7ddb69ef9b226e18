import { startCloud } from './cloud.js';
import { startComposer } from './composer.js';
import { startGuide } from './guide.js';
import { startHead } from './head.js';
import { startHome } from './home.js';
import { startMessages } from './messages.js';
import { startModals } from './modal.js';
import { startReplicas } from './replicas.js';
import { startSidebar } from './sidebar.js';
import { startTerminal } from './terminal.js';
import { connect } from './stream.js';
import { startTabs } from './tabs.js';

startSidebar();
startTabs();
startHead();
startComposer();
startHome(); // first, since it makes room for the messages
startMessages();
startModals();
startCloud();
startTerminal();
startGuide();
startReplicas();
connect();
