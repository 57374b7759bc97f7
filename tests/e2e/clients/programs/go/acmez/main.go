// A device that uses acmez, the library within Caddy.
package main

import (
	"context"
	"crypto"
	"fmt"
	"net"
	"net/http"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"acmegate.test/clients/place"
)

var ctx = context.Background()

// solver answers http-01 on the port of the place.
type solver struct {
	address string
	server  *http.Server
}

func (s *solver) Present(_ context.Context, challenge acme.Challenge) error {
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc(challenge.HTTP01ResourcePath(), func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, challenge.KeyAuthorization)
	})
	s.server = &http.Server{Handler: mux}
	go s.server.Serve(listener)
	return nil
}

func (s *solver) CleanUp(context.Context, acme.Challenge) error {
	return s.server.Close()
}

func open(p *place.Place) (*acmez.Client, acme.Account, error) {
	account := acme.Account{Contact: []string{"mailto:" + p.Email}, TermsOfServiceAgreed: true}
	key, err := p.Key("account.pem")
	if err != nil {
		return nil, account, err
	}
	account.PrivateKey = key
	web, err := p.HTTP()
	if err != nil {
		return nil, account, err
	}
	client := &acmez.Client{Client: &acme.Client{Directory: p.Directory, HTTPClient: web}, ChallengeSolvers: map[string]acmez.Solver{
		acme.ChallengeTypeHTTP01: &solver{address: fmt.Sprintf("127.0.0.1:%d", p.Port)}}}
	return client, account, nil
}

// openAccount finds the account by its key.
func openAccount(p *place.Place) (*acmez.Client, acme.Account, error) {
	client, account, err := open(p)
	if err != nil {
		return nil, account, err
	}
	account, err = client.GetAccount(ctx, account)
	return client, account, err
}

func register(p *place.Place) error {
	client, account, err := open(p)
	if err != nil {
		return err
	}
	if len(p.EAB) == 2 {
		if err = account.SetExternalAccountBinding(ctx, client.Client, acme.EAB{KeyID: p.EAB[0], MACKey: p.EAB[1]}); err != nil {
			return err
		}
	}
	_, err = client.NewAccount(ctx, account)
	return err
}

func order(p *place.Place, replaces bool) error {
	client, account, err := openAccount(p)
	if err != nil {
		return err
	}
	key, err := place.NewKey()
	if err != nil {
		return err
	}
	csr, err := acmez.NewCSR(crypto.Signer(key), []string{p.Host})
	if err != nil {
		return err
	}
	params, err := acmez.OrderParametersFromCSR(account, csr)
	if err != nil {
		return err
	}
	if replaces {
		if params.Replaces, err = p.Leaf(); err != nil {
			return err
		}
	}
	chains, err := client.ObtainCertificate(ctx, params)
	if err != nil {
		return err
	}
	return p.Write("chain.pem", chains[0].ChainPEM)
}

func issue(p *place.Place) error { return order(p, false) }
func renew(p *place.Place) error { return order(p, true) }

func rollover(p *place.Place) error {
	client, account, err := openAccount(p)
	if err != nil {
		return err
	}
	key, err := place.NewKey()
	if err != nil {
		return err
	}
	if _, err = client.AccountKeyRollover(ctx, account, key); err != nil {
		return err
	}
	return p.SaveKey("account.pem", key)
}

func revoke(p *place.Place) error {
	client, account, err := openAccount(p)
	if err != nil {
		return err
	}
	leaf, err := p.Leaf()
	if err != nil {
		return err
	}
	return client.RevokeCertificate(ctx, account, leaf, nil, acme.ReasonSuperseded)
}

func deactivate(p *place.Place) error {
	client, account, err := openAccount(p)
	if err != nil {
		return err
	}
	account.Status = acme.StatusDeactivated
	_, err = client.UpdateAccount(ctx, account)
	return err
}

func main() {
	place.Run(map[string]func(*place.Place) error{"register": register, "issue": issue, "renew": renew, "rollover": rollover,
		"revoke": revoke, "deactivate": deactivate})
}
