/* A device that uses npm's acme-client: `node life.js PLACE.json STEP`, a step is register, issue, rollover, renew, revoke or
 * deactivate, and what must outlive it is in the folder of the place. */
'use strict';

const fs = require('fs');
const http = require('http');
const path = require('path');
const acme = require('acme-client');

const place = JSON.parse(fs.readFileSync(process.argv[2]));
const file = (name) => path.join(place.Folder, name);

async function open() {
    if (!fs.existsSync(file('account.pem'))) {
        fs.writeFileSync(file('account.pem'), await acme.crypto.createPrivateEcdsaKey());
    }
    return new acme.Client({
        directoryUrl: place.Directory,
        accountKey: fs.readFileSync(file('account.pem')),
        accountUrl: fs.existsSync(file('account.url')) ? fs.readFileSync(file('account.url'), 'utf8') : null,
        externalAccountBinding: place.EAB ? { kid: place.EAB[0], hmacKey: place.EAB[1] } : {},
    });
}

async function issue(client) {
    const [, csr] = await acme.crypto.createCsr({ altNames: [place.Host] });
    const answers = {};
    const server = http.createServer((request, response) => response.end(answers[request.url])).listen(place.Port, '127.0.0.1');
    try {
        fs.writeFileSync(file('chain.pem'), await client.auto({
            csr,
            skipChallengeVerification: true, // the names of the lab are not in the system's DNS
            challengePriority: ['http-01'],
            challengeCreateFn: async (authz, challenge, text) => { answers[`/.well-known/acme-challenge/${challenge.token}`] = text; },
            challengeRemoveFn: async () => {},
        }));
    }
    finally {
        server.close();
    }
}

const steps = {
    async register(client) {
        await client.createAccount({ termsOfServiceAgreed: true, contact: [`mailto:${place.Email}`] });
        fs.writeFileSync(file('account.url'), client.getAccountUrl());
    },
    issue,
    renew: issue,
    async rollover(client) {
        const key = await acme.crypto.createPrivateEcdsaKey();
        await client.updateAccountKey(key);
        fs.writeFileSync(file('account.pem'), key);
    },
    async revoke(client) {
        await client.revokeCertificate(fs.readFileSync(file('chain.pem')), { reason: 4 });
    },
    async deactivate(client) {
        await client.updateAccount({ status: 'deactivated' });
    },
};

open().then(steps[process.argv[3]]).catch((fault) => {
    console.error(fault);
    process.exit(1);
});
