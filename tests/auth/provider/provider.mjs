// A certified provider of OpenID Connect with a few people, for the tests: `node provider.mjs` with
// PORT, CLIENT (where the application is), and what else is to be different in the environment.
import { Provider } from 'oidc-provider';
import { generateKeyPairSync } from 'node:crypto';

const { PORT, CLIENT, SECONDS_AHEAD = '0', WITHOUT_KID = '', ID_TOKEN_SECONDS = '3600' } = process.env;

// The clock of another machine: tokens are written by it.
const now = Date.now.bind(Date);
Date.now = () => now() + Number(SECONDS_AHEAD) * 1000;

const people = {
  ann: { name: 'Ann Ahrens', email: 'Ann@Example.com', email_verified: true, nickname: 'ann' },
  vera: { name: 'Vera Viewer', email: 'vera@example.com', email_verified: true, groups: ['engineering'] },
  false: { name: 'False Friend', email: 'ann@example.com', email_verified: false },
};

// Another key each time it starts.
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  clients: [
    {
      client_id: 'teamgauge',
      client_secret: 'secret-of-the-tests',
      redirect_uris: [`${CLIENT}/sign-in/callback`],
      post_logout_redirect_uris: [`${CLIENT}/signed-out`],
      backchannel_logout_uri: `${CLIENT}/sign-in/back-channel`,
      backchannel_logout_session_required: true,
    },
  ],
  jwks: { keys: [WITHOUT_KID ? { ...key, kid: undefined } : key] },
  claims: {
    openid: ['sub'],
    profile: ['name', 'nickname', 'groups'],
    email: ['email', 'email_verified'],
  },
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
  },
  // As it is, it asks no machine of its own network, which this one is.
  fetch: (address, { dispatcher, ...options }) => fetch(address, options),
  ttl: { IdToken: Number(ID_TOKEN_SECONDS) },
  cookies: { keys: ['a', 'b'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, ...people[id] }),
  }),
});
for (const event of ['server_error', 'backchannel.error', 'backchannel.success']) {
  provider.on(event, (context, error) => console.log(event, error?.message ?? '', error?.cause ?? ''));
}
provider.listen(Number(PORT), '127.0.0.1', () => console.log('listening'));
