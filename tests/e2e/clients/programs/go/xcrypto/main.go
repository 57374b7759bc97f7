// A device that uses golang.org/x/crypto/acme, the library within autocert; cert-manager has a fork of it.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"

	"golang.org/x/crypto/acme"

	"acmegate.test/clients/place"
)

var ctx = context.Background()

// open answers a client that finds its account by its key.
func open(p *place.Place) (*acme.Client, error) {
	key, err := p.Key("account.pem")
	if err != nil {
		return nil, err
	}
	web, err := p.HTTP()
	return &acme.Client{Key: key, DirectoryURL: p.Directory, HTTPClient: web}, err
}

func register(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	account := &acme.Account{Contact: []string{"mailto:" + p.Email}}
	if len(p.EAB) == 2 {
		mac, err := base64.RawURLEncoding.DecodeString(p.EAB[1])
		if err != nil {
			return err
		}
		account.ExternalAccountBinding = &acme.ExternalAccountBinding{KID: p.EAB[0], Key: mac}
	}
	_, err = client.Register(ctx, account, acme.AcceptTOS)
	return err
}

// prove answers http-01 for one authorization on the port of the place.
func prove(p *place.Place, client *acme.Client, url string) error {
	authz, err := client.GetAuthorization(ctx, url)
	if err != nil || authz.Status == acme.StatusValid {
		return err
	}
	for _, challenge := range authz.Challenges {
		if challenge.Type != "http-01" {
			continue
		}
		answer, err := client.HTTP01ChallengeResponse(challenge.Token)
		if err != nil {
			return err
		}
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.Port))
		if err != nil {
			return err
		}
		defer listener.Close()
		mux := http.NewServeMux()
		mux.HandleFunc(client.HTTP01ChallengePath(challenge.Token), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) })
		go http.Serve(listener, mux)
		if _, err = client.Accept(ctx, challenge); err != nil {
			return err
		}
		_, err = client.WaitAuthorization(ctx, url)
		return err
	}
	return fmt.Errorf("no http-01 for %s", authz.Identifier.Value)
}

func issue(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(p.Host))
	if err != nil {
		return err
	}
	for _, url := range order.AuthzURLs {
		if err = prove(p, client, url); err != nil {
			return err
		}
	}
	if order, err = client.WaitOrder(ctx, order.URI); err != nil {
		return err
	}
	key, err := place.NewKey()
	if err != nil {
		return err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{p.Host}}, key)
	if err != nil {
		return err
	}
	chain, _, err := client.CreateCertFromOrder(ctx, order, csr, true)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	for _, der := range chain {
		pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return p.Write("chain.pem", text.Bytes())
}

func rollover(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	key, err := place.NewKey()
	if err != nil {
		return err
	}
	if err = client.AccountKeyRollover(ctx, key); err != nil {
		return err
	}
	return p.SaveKey("account.pem", key)
}

func revoke(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	leaf, err := p.Leaf()
	if err != nil {
		return err
	}
	return client.RevokeCert(ctx, nil, leaf.Raw, acme.CRLReasonSuperseded)
}

func deactivate(p *place.Place) error {
	client, err := open(p)
	if err != nil {
		return err
	}
	return client.DeactivateReg(ctx)
}

func main() {
	place.Run(map[string]func(*place.Place) error{"register": register, "issue": issue, "renew": issue, "rollover": rollover,
		"revoke": revoke, "deactivate": deactivate})
}
